import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Host } from '../../src/cli/host.ts';
import { runProgram } from '../../src/cli/program.ts';
import { operations } from '../../src/operations/operations.ts';
import { pipedTerminal } from '../support/piped-terminal.ts';

const installation = {
  node: '/usr/bin/node',
  main: '/opt/my sluice/dist/main.js',
  env: { SLUICE_HOME: '/data/sluice' },
};

/** Runs a command line that needs no database. */
async function run(...args: string[]) {
  const { terminal, said } = pipedTerminal();
  const code = await runProgram(args, {
    terminal,
    version: '1.2.3',
    operations,
    open: () =>
      ({
        terminal,
        cwd: '/',
        installation,
        runJobs: () => {},
        context: () => ({}),
        onSignal: () => () => {},
      }) as unknown as Host,
    onUnexpected: (error) => terminal.err.write(String(error)),
  });
  return { code, ...(await said()) };
}

test.each([
  [['strat'], 'Did you mean start?'],
  [['start'], "missing required argument 'flow'"],
  [['start', 'example', 'a.csv', '--concurrency', 'many'], 'must be a number'],
  [['start', 'example', 'a.csv', '--concurrency', '0'], 'concurrency'],
  [['start', 'example', 'a.csv', '--max-failure', '1'], 'Did you mean --max-failures?'],
  [['list', '--status', 'running'], 'Allowed choices'],
  [['errors', '--csv', '--ndjson'], 'cannot be used with'],
  [['flows'], 'flows --help'],
  [['dead-letters', 'drop', 'latest', '--indexes', 'a'], 'such as 3,17'],
])('wrong use exits with 2 and says what is wrong: %j', async (args, message) => {
  const { code, stdout, stderr } = await run(...args);

  expect(stderr).toContain(message);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

test('with --json wrong use is a document as well', async () => {
  const { code, stdout, stderr } = await run('flows', 'show', '--json');

  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'usage' } });
  expect(stderr).toBe('');
  expect(code).toBe(2);
});

test('nothing at all is a question for help, which names every command', async () => {
  const { code, stdout } = await run();

  const named = [...stdout.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name);
  expect(named).toEqual(
    expect.arrayContaining([
      'status',
      'list',
      'errors',
      'retry',
      'flows',
      'doctor',
      'stop',
      'mcp',
      'serve',
      'run',
    ]),
  );
  expect(stdout).toContain('Exit codes:');
  expect(code).toBe(0);
});

/** The help of every command, by its words. */
async function everyHelp() {
  const commandsOf = async (...group: string[]) => {
    const { stdout } = await run(...group, '--help');
    return [...stdout.matchAll(/^ {2}([a-z][a-z-]+)(?: \[| <| {2,})/gm)].map(([, name = '']) => [
      ...group,
      name,
    ]);
  };
  const groups = ['dead-letters', 'logs', 'flows', 'tokens'];
  const named = [
    ...(await commandsOf()),
    ...(await Promise.all(groups.map((group) => commandsOf(group)))).flat(),
  ];
  return Promise.all(named.map(async (words) => ({ words, ...(await run(...words, '--help')) })));
}

test('every command says in its help what it is for', async () => {
  const helps = await everyHelp();
  const named = helps.map(({ words }) => words);

  expect(named).toContainEqual(['flows', 'approve']);
  expect(named).toContainEqual(['serve']);
  expect(
    helps.filter(({ stdout }) => !/^Usage: .+\n\n[a-z].* .*\n/.test(stdout)).map(({ words }) => words),
  ).toEqual([]);
});

test('no option takes so much of a line that 80 columns leave no room to say what it is for', async () => {
  const terms = (await everyHelp()).flatMap(({ stdout }) =>
    [...stdout.matchAll(/^ {2}(-.*?)(?: {2,}|$)/gm)].map(([, term = '']) => term),
  );

  expect(terms).toContain('--statuses <a,b,…>');
  expect(terms.filter((term) => term.length > 32)).toEqual([]);
});

test.each([
  [['help'], ['--help']],
  [
    ['help', 'start'],
    ['start', '--help'],
  ],
  [
    ['help', 'flows', 'approve'],
    ['flows', 'approve', '--help'],
  ],
])('the words %j ask for help as well', async (words, flags) => {
  const asked = await run(...words);

  expect(asked).toEqual(await run(...flags));
  expect(asked).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: sluice') });
});

test('help speaks of commands and options', async () => {
  const { stdout } = await run('start', '--help');

  expect(stdout.replace(/\s+/g, ' ')).toContain('`sluice flows show` shows which the flow takes');
  expect(stdout).not.toMatch(/get_flow|preview_batch|failure_window/);
});

test('the README names every command for jobs and flows', async () => {
  const { stdout } = await run('--help');
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

  const part = stdout.slice(stdout.indexOf('Batch jobs:'), stdout.indexOf('This installation:'));
  const commands = [...part.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name);
  const table = readme.split(/^\| command +\|/m)[1]?.split('\n\n')[0] ?? '';

  expect(commands).toContain('dead-letters');
  expect(commands.filter((name) => !table.includes(`\`${name}`))).toEqual([]);
});

test('the version is that of the package', async () => {
  expect(await run('--version')).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' });
});

test.each(['claude-desktop', 'cursor'])(
  'mcp-config for %s is JSON that starts this server',
  async (client) => {
    const { stdout } = await run('mcp-config', '--client', client);

    expect(JSON.parse(stdout)).toEqual({
      mcpServers: {
        sluice: { command: installation.node, args: [installation.main, 'mcp'], env: installation.env },
      },
    });
  },
);

test('mcp-config for Claude Code is one command, quoted for the shell', async () => {
  const { stdout } = await run('mcp-config', '--client', 'claude-code');

  expect(stdout).toBe(
    "claude mcp add sluice --env SLUICE_HOME=/data/sluice -- /usr/bin/node '/opt/my sluice/dist/main.js' mcp\n",
  );
});

test('an unexpected error is told without its detail', async () => {
  const { code, stderr } = await run('flows', 'list');

  expect(stderr).toContain('Something unexpected went wrong');
  expect(code).toBe(1);
});
