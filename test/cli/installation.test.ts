import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { builtServer } from '../support/built-server.ts';
import { urlOf } from '../support/database.ts';
import { type BuiltCommand, openCommand } from './built-command.ts';

let sluice: BuiltCommand;

beforeAll(async () => {
  sluice = await openCommand();
});
afterAll(() => sluice.close());

test('a folder without flows is not called valid', async () => {
  const { code, stdout } = await sluice.run(['flows', 'validate']);

  expect(stdout).toMatch(/flows holds no flows\. `sluice init` makes one/);
  expect(code).toBe(0);
});

test('init never overwrites', async () => {
  const flow = join(sluice.home, 'flows/example.yaml');
  await sluice.run(['init']);
  writeFileSync(flow, `${readFileSync(flow, 'utf8')}# mine\n`);

  const again = await sluice.run(['init', '--json']);

  expect(JSON.parse(again.stdout)).toMatchObject({ made: [], kept: expect.arrayContaining([flow]) });
  expect(readFileSync(flow, 'utf8')).toContain('# mine');
});

test('flows are listed and shown', async () => {
  const list = await sluice.run(['flows', 'list']);
  const show = await sluice.run(['flows', 'show', 'example']);

  expect(list.stdout).toContain('example@1');
  expect(show.stdout).toContain('name (required)');
});

test('validate names every problem by file, line and column', async () => {
  mkdirSync(join(sluice.home, 'drafts'), { recursive: true });
  writeFileSync(join(sluice.home, 'drafts/bad.yaml'), 'flow: bad\ntagret: { connector: echo }\n');

  const good = await sluice.run(['flows', 'validate']);
  const bad = await sluice.run(['flows', 'validate', 'drafts/bad.yaml']);

  expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('valid') });
  expect(bad.stdout).toMatch(/bad\.yaml:2:1 /);
  expect(bad.code).toBe(1);
});

test('doctor finds a fresh installation well', async () => {
  const { code, stdout } = await sluice.run(['doctor']);

  expect(stdout).toMatch(/^ok +node/);
  expect(stdout).toMatch(/(ok|warn) +disk +[\d,]+ MiB are free/);
  expect(stdout).toMatch(/ok +database +Postgres \d+/);
  expect(stdout).not.toContain('fail');
  expect(code).toBe(0);
});

test('doctor says what fails, and how to mend it', async () => {
  const { code, stdout } = await sluice.run(['doctor'], {
    env: { DATABASE_URL: 'postgres://sluice@127.0.0.1:1/sluice', SLUICE_BACKGROUND: 'off' },
  });

  expect(stdout).toMatch(/fail +database .*nothing listens at 127\.0\.0\.1:1\./);
  expect(stdout).not.toContain('sluice doctor');
  expect(stdout).toMatch(/warn +background/);
  expect(code).toBe(1);
});

test('doctor shows a home as it is written', async () => {
  const home = join(sluice.home, 'two  spaces');

  const { stdout } = await sluice.run(['doctor'], {
    env: { SLUICE_HOME: home, DATABASE_URL: 'postgres://sluice@127.0.0.1:1/sluice' },
  });

  expect(stdout).toContain(`${home} (is made`);
});

test('an answer that cannot be written is said', async () => {
  const stdout = openSync(join(sluice.home, 'answer'), 'w');

  // Where no file may grow, no byte fits into one.
  const { status, stderr } = spawnSync(
    'sh',
    ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath, await builtServer(), 'mcp-config'],
    { stdio: ['ignore', stdout, 'pipe'], encoding: 'utf8' },
  );
  closeSync(stdout);

  expect(stderr).toContain('sluice: the answer could not be written (EFBIG)\n');
  expect(status).toBe(1);
});

test('stop ends the runner and the database, and does nothing twice', async () => {
  // A server and a runner that are new: old ones may end by themselves in this very moment.
  await sluice.run(['stop']);
  await sluice.run(['list']);

  const first = await sluice.run(['stop', '--json']);
  const second = await sluice.run(['stop', '--json']);

  expect(JSON.parse(first.stdout)).toMatchObject({ database: 'stopped' });
  expect(JSON.parse(second.stdout)).toEqual({
    runner: 'not_running',
    database: 'not_running',
    other_connections: 0,
  });
});

test('what starts by itself to watch a database starts none that was stopped meanwhile', async () => {
  const home = join(sluice.home, 'stopped');

  const { code } = await sluice.run(['run', '--until-idle'], { env: { SLUICE_HOME: home } });

  expect(code).toBe(0);
  expect(existsSync(home)).toBe(false);
});

test('stop says what the database has against it', async () => {
  const nowhere = { ...inject('postgres'), database: 'nowhere' };

  const { code, stderr } = await sluice.run(['stop'], { env: { DATABASE_URL: urlOf(nowhere) } });

  expect(stderr).toContain('refuses Sluice: it has no database of that name');
  expect(code).toBe(2);
});

test('a wrong variable is wrong configuration, and asking for help does not need it', async () => {
  const env = { SLUICE_LEASE_SECONDS: 'soon' };

  const list = await sluice.run(['list'], { env });
  const help = await sluice.run(['--help'], { env });

  expect(list.stderr).toContain('SLUICE_LEASE_SECONDS');
  expect(list.code).toBe(2);
  expect(help.code).toBe(0);
});

test('with --json a refusal is a document', async () => {
  const { code, stdout, stderr } = await sluice.run(['flows', 'show', 'exampel', '--json']);

  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'flow_not_found' } });
  expect(stderr).toBe('');
  expect(code).toBe(2);
});

test('a database that does not answer is a failure, not a wrong command', async () => {
  const { code } = await sluice.run(['list'], {
    env: { DATABASE_URL: 'postgres://sluice@127.0.0.1:1/sluice' },
  });

  expect(code).toBe(1);
});

test.each([[['run', '--nope']], [['mcp', '--nope']], [['serve', '--nope']]])(
  '%j is refused: no server passes over what it does not know',
  async (args) => {
    const { code, stderr } = await sluice.run(args);

    expect(stderr).toContain('--nope');
    expect(code).toBe(2);
  },
);

test('mcp-config names a home that only XDG_DATA_HOME leads to, and none that every client finds', async () => {
  const envOf = async (env: Record<string, string>) => {
    const { stdout } = await sluice.run(['mcp-config'], { env: { SLUICE_HOME: '', ...env } });
    return JSON.parse(stdout).mcpServers.sluice.env;
  };
  const shared = join(sluice.home, 'shared');

  const elsewhere = await envOf({ XDG_DATA_HOME: shared });
  const usual = await envOf({});

  // Only on Linux does the variable lead anywhere.
  expect(elsewhere.SLUICE_HOME).toBe(platform() === 'linux' ? join(shared, 'sluice') : undefined);
  expect(usual).not.toHaveProperty('SLUICE_HOME');
});
