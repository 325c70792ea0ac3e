import { expect, onTestFinished } from 'vitest';
import { openCommandLine } from '../support/command-line.ts';
import { test } from './open-database.ts';

function commandLine() {
  const line = openCommandLine();
  onTestFinished(() => line.close());
  return line;
}

test('a database is declared by a URL that is asked for, and asked a question', async ({ url }) => {
  const line = commandLine();

  const { code, stdout, stderr } = await line.run(['connect', 'shop', '--sql', '--allow-private'], {
    input: `${url}\n`,
  });

  expect(stdout).toMatch(/The database on .* answered\./);
  expect(code).toBe(0);
  expect(line.read('flows/connectors.yaml')).toBe(
    'shop:\n  type: sql\n  url_env: SHOP_URL\n  allow_private: true\n',
  );
  expect(line.read('secrets.env')).toContain('SHOP_URL=');
  expect(stdout + stderr).not.toContain(url);
});

test('a database that cannot be reached is declared all the same', async () => {
  const line = commandLine();

  const { code, stdout } = await line.run(['connect', 'shop', '--sql', '--allow-private'], {
    input: 'postgres://me:S3CR3T@127.0.0.1:1/shop\n',
  });

  expect(code).toBe(0);
  expect(stdout).toMatch(/Declared shop \(sql\)/);
  expect(stdout).not.toContain('S3CR3T');
  expect(stdout).not.toMatch(/ answered\./);
});

test('what is no database URL is refused without being shown', async () => {
  const line = commandLine();

  const refused = await line.run(['connect', 'shop', '--sql'], { input: 'S3CR3T-nonsense\n' });
  const inArguments = await line.run(['connect', 'shop', '--sql', 'postgres://me:S3CR3T@db.example/x']);

  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('begins with postgres://') });
  expect(inArguments).toMatchObject({ code: 2, stderr: expect.stringContaining('asked for') });
  expect(JSON.stringify([refused, inArguments])).not.toContain('S3CR3T');
});

test('a connector named database does not take the variable of the database of Sluice', async ({ url }) => {
  const line = commandLine();

  await line.run(['connect', 'database', '--sql'], { input: `${url}\n` });

  expect(line.read('flows/connectors.yaml')).toContain('url_env: CONNECTOR_DATABASE_URL');
});
