import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BuiltCommand, openCommand } from './built-command.ts';

let sluice: BuiltCommand;

beforeAll(async () => {
  sluice = await openCommand();
});
afterAll(() => sluice.close());

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
  expect(stdout).toMatch(/ok +database +Postgres \d+/);
  expect(stdout).not.toContain('fail');
  expect(code).toBe(0);
});

test('doctor says what fails, and how to mend it', async () => {
  const { code, stdout } = await sluice.run(['doctor'], {
    env: { DATABASE_URL: 'postgres://sluice@127.0.0.1:1/sluice', SLUICE_BACKGROUND: 'off' },
  });

  expect(stdout).toMatch(/fail +database/);
  expect(stdout).toMatch(/warn +background/);
  expect(code).toBe(1);
});

test('stop ends the runner and the database, and does nothing twice', async () => {
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

test.each(['claude-desktop', 'cursor'])(
  'mcp-config for %s is JSON that starts this server',
  async (client) => {
    const { stdout } = await sluice.run(['mcp-config', '--client', client]);

    const { mcpServers } = JSON.parse(stdout);

    expect(mcpServers.sluice).toEqual({
      command: process.execPath,
      args: [expect.stringMatching(/^\/.*dist\/main\.js$/), 'mcp'],
      env: expect.objectContaining({ SLUICE_HOME: sluice.home }),
    });
  },
);

test('mcp-config for Claude Code is one command', async () => {
  const { stdout } = await sluice.run(['mcp-config', '--client', 'claude-code']);

  expect(stdout).toMatch(/^claude mcp add sluice --env SLUICE_HOME=\S+ .* -- \S+ \S+main\.js mcp\n$/);
});

test.each([
  [['strat'], 'Did you mean start?'],
  [['start'], "missing required argument 'flow'"],
  [['start', 'example', 'a.csv', '--concurrency', 'many'], 'must be a number'],
  [['start', 'example', 'a.csv', '--concurrency', '0'], 'concurrency'],
  [['list', '--status', 'running'], 'Allowed choices'],
])('wrong use exits with 2: %j', async (args, message) => {
  const { code, stdout, stderr } = await sluice.run(args);

  expect(stderr).toContain(message);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

test('a wrong variable is wrong configuration', async () => {
  const { code, stderr } = await sluice.run(['list'], { env: { SLUICE_LEASE_SECONDS: 'soon' } });

  expect(stderr).toContain('SLUICE_LEASE_SECONDS');
  expect(code).toBe(2);
});

test('with --json an error is a document as well', async () => {
  const unknown = await sluice.run(['flows', 'show', 'exampel', '--json']);
  const usage = await sluice.run(['flows', 'show', '--json']);

  expect(JSON.parse(unknown.stdout)).toMatchObject({ error: { code: 'flow_not_found' } });
  expect(unknown).toMatchObject({ code: 1, stderr: '' });
  expect(JSON.parse(usage.stdout)).toMatchObject({ error: { code: 'usage' } });
});

test('help needs no valid configuration and names every command', async () => {
  const { code, stdout } = await sluice.run(['--help'], { env: { SLUICE_LEASE_SECONDS: 'soon' } });

  for (const name of [
    'start',
    'status',
    'list',
    'errors',
    'retry',
    'flows',
    'doctor',
    'stop',
    'mcp',
    'run',
  ]) {
    expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  }
  expect(code).toBe(0);
});
