import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test as base, expect } from 'vitest';
import { server } from '../connectors/open-mcp.ts';
import { type CommandLine, openCommandLine } from '../support/command-line.ts';
import { startTarget, status, type Target } from '../support/target.ts';

const test = base.extend<{ line: CommandLine; target: Target }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  line: async ({}, use) => {
    const line = openCommandLine();
    await use(line);
    line.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  target: async ({}, use) => {
    const target = await startTarget();
    await use(target);
    await target.close();
  },
});

const secret = 'S3CR3T-of-crm';
const connectors = (line: CommandLine) => line.read('flows/connectors.yaml');

test('a connector is declared, its secret kept, and its target looked at', async ({ line, target }) => {
  const args = [
    'connect',
    'crm-system',
    target.url,
    '--bearer',
    '--allow-private',
    '--rate',
    '10/s',
    '--concurrency',
    '4',
  ];

  const { code, stdout, stderr } = await line.run(args, { input: `${secret}\n` });

  expect(code).toBe(0);
  expect(connectors(line)).toBe(
    [
      'crm-system:',
      '  type: http',
      `  base_url: ${target.url}`,
      '  auth: { type: bearer, token_env: CRM_SYSTEM_TOKEN }',
      '  rate: 10/s',
      '  concurrency: 4',
      '  allow_private: true',
      '',
    ].join('\n'),
  );
  expect(line.read('secrets.env')).toBe(`CRM_SYSTEM_TOKEN=${secret}\n`);
  expect(statSync(join(line.home, 'secrets.env')).mode & 0o777).toBe(0o600);
  expect(stdout).toContain('answered 200');
  expect(stdout + stderr).not.toContain('S3CR3T');
  expect(target.hits[0]?.headers.authorization).toBe(`Bearer ${secret}`);
});

test.each([
  [
    ['--basic', 'ada'],
    'auth: { type: basic, username: ada, password_env: CRM_PASSWORD }',
    'authorization',
    `Basic ${btoa(`ada:${secret}`)}`,
  ],
  [
    ['--header', 'X-Api-Key'],
    'auth: { type: header, header: X-Api-Key, value_env: CRM_TOKEN }',
    'x-api-key',
    secret,
  ],
])('a target that wants %j gets it', async (options, written, header, value) => {
  const [line, target] = [openCommandLine(), await startTarget()];
  try {
    const { stdout } = await line.run(['connect', 'crm', target.url, ...options, '--allow-private'], {
      input: secret,
    });

    expect(connectors(line)).toContain(written);
    expect(target.hits[0]?.headers[header]).toBe(value);
    expect(stdout).toContain('answered 200');
  } finally {
    line.close();
    await target.close();
  }
});

test('a target that wants nothing is asked nothing', async ({ line, target }) => {
  const { code } = await line.run(['connect', 'crm', target.url, '--no-auth', '--allow-private']);

  expect(code).toBe(0);
  expect(connectors(line)).not.toContain('auth');
  expect(target.hits).toHaveLength(1);
});

test('a target that refuses the credentials is declared all the same', async ({ line }) => {
  const target = await startTarget({ answer: () => status(401) });
  const { code, stdout } = await line.run(['connect', 'crm', target.url, '--bearer', '--allow-private'], {
    input: secret,
  });
  await target.close();
  const gone = await line.run(['connect', 'crm', '--rate', '5/s', '--json']);

  expect(code).toBe(0);
  expect(stdout).toContain('the target refuses the credentials');
  expect(JSON.parse(gone.stdout)).toMatchObject({
    name: 'crm',
    declared: 'before',
    ready: false,
    probe: { state: 'unreachable', text: 'crm refused the connection.' },
  });
  expect(connectors(line)).toContain('rate: 5/s');
  expect(connectors(line)).toContain('type: bearer');
});

test('what was changed of a connector is said', async ({ line, target }) => {
  await line.run(['connect', 'crm', target.url, '--bearer', '--rate', '5/s'], { input: secret });

  const changed = await line.run(['connect', 'crm', '--allow-private', '--rate', '5/s']);
  const open = await line.run(['connect', 'crm', '--no-auth', '--json']);
  const kept = await line.run(['connect', 'crm', '--allow-private']);

  expect(changed.stdout).toContain(
    `Changed crm (http) in ${join(line.home, 'flows/connectors.yaml')}: allow_private: true.`,
  );
  expect(JSON.parse(open.stdout)).toMatchObject({ declared: 'before', changed: ['auth'] });
  expect(kept.stdout).toContain('Kept crm (http)');
});

test('the name alone asks for the secret again, and an empty answer keeps it', async ({ line, target }) => {
  await line.run(['connect', 'crm', target.url, '--bearer', '--allow-private'], { input: 'old' });

  const kept = await line.run(['connect', 'crm'], { input: '\n' });
  const before = line.read('secrets.env');
  const changed = await line.run(['connect', 'crm'], { input: `${secret}\r\n` });

  expect([kept.code, changed.code]).toEqual([0, 0]);
  expect(before).toBe('CRM_TOKEN=old\n');
  expect(line.read('secrets.env')).toBe(`CRM_TOKEN=${secret}\n`);
  expect(target.hits.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer old',
    'Bearer old',
    `Bearer ${secret}`,
  ]);
});

test('a secret that is missing is asked for by the name alone, whatever else is declared', async ({
  line,
  target,
}) => {
  const written = `# ours\ncrm: { type: http, base_url: "${target.url}", auth: { type: bearer, token_env: OUR_TOKEN }, allow_private: true } # all\n`;
  line.write('flows/connectors.yaml', written);

  const { stdout } = await line.run(['connect', 'crm'], { input: secret });

  expect(stdout).toContain('answered 200');
  expect(connectors(line)).toBe(written);
  expect(line.read('secrets.env')).toBe(`OUR_TOKEN=${secret}\n`);
});

test('two connectors never share a variable by accident', async ({ line, target }) => {
  await line.run(['connect', 'a-b', target.url, '--bearer', '--allow-private'], { input: 'one' });
  await line.run(['connect', 'a.b', target.url, '--bearer', '--allow-private'], { input: 'two' });

  expect(line.read('secrets.env')).toBe('A_B_TOKEN=one\nA_B_TOKEN_2=two\n');
});

test('a variable that the environment sets as well is pointed out', async ({ target }) => {
  const line = openCommandLine({ env: { CRM_TOKEN: 'of-the-environment' } });

  const { stdout } = await line.run(['connect', 'crm', target.url, '--bearer', '--allow-private'], {
    input: secret,
  });
  line.close();

  expect(stdout).toContain('The environment sets CRM_TOKEN');
  expect(target.hits[0]?.headers.authorization).toBe('Bearer of-the-environment');
  expect(stdout).not.toContain('of-the-environment');
});

test('an MCP server is a program after --, or a URL; its tools are listed', async ({ line }) => {
  const { command, args } = server('crm.mjs');

  const { code, stdout } = await line.run(
    ['connect', 'tools', '--mcp', '--env', 'API_KEY', '--', command, ...args],
    {
      input: secret,
    },
  );

  expect(code).toBe(0);
  expect(stdout).toMatch(/tools answered; it has \d+ tools\.\n {2}\w+/);
  expect(connectors(line)).toContain('env: [ API_KEY ]');
  expect(line.read('secrets.env')).toBe(`API_KEY=${secret}\n`);
  expect(stdout).not.toContain('S3CR3T');
});

test.each([
  [['connect', 'crm'], 'No connector is named crm. Declare it'],
  [['connect', 'crm', 'https://crm.example'], '--bearer, --basic USER, --header NAME or --no-auth'],
  [['connect', 'crm', 'crm.example', '--bearer'], 'must be a URL'],
  [['connect', 'crm', 'https://me:S3CR3T@crm.example', '--bearer'], 'must not hold a password'],
  [['connect', 'crm', 'https://crm.example', 'more', '--bearer'], 'Give one URL'],
  [['connect', 'c r m', 'https://crm.example', '--bearer'], 'must be a name of letters'],
  [['connect', 'echo', 'https://crm.example', '--bearer'], 'built-in target'],
  [['connect', 'crm', 'https://crm.example', '--bearer', '--basic', 'x'], 'cannot be used with'],
  [['connect', 'crm', 'https://crm.example', '--bearer', '--no-auth'], 'cannot be used with'],
  [['connect', 'crm', 'https://crm.example', '--header', 'Host'], 'set by Sluice itself'],
  [['connect', 'crm', 'https://crm.example', '--bearer', '--rate', 'often'], 'must be calls per time'],
  [['connect', 'crm', 'https://crm.example', '--bearer', '--concurrency', '0'], 'whole number above 0'],
  [['connect', 'crm', 'https://crm.example', '--bearer', '--env', 'A'], '--env is for MCP servers'],
  [['connect', 'crm', 'https://crm.example', '--bearer', 'S3CR3T'], 'Give one URL'],
  [['connect', 'crm', 'https://crm.example', '--bearer'], 'No token was given'],
  [['connect', 'crm', 'https://crm.example', '--bearer=S3CR3T'], "unknown option '--bearer=…'"],
])('%j is refused, and nothing is written', async (args, words) => {
  const line = openCommandLine();

  const { code, stdout, stderr } = await line.run(args);

  expect(stderr).toContain(words);
  expect(code).toBe(2);
  expect(stdout + stderr).not.toContain('S3CR3T');
  for (const file of ['flows/connectors.yaml', 'secrets.env']) {
    expect(() => readFileSync(join(line.home, file))).toThrow(/ENOENT/);
  }
  line.close();
});

test('a connector keeps its type', async ({ line, target }) => {
  await line.run(['connect', 'crm', target.url, '--bearer', '--allow-private'], { input: secret });
  const before = connectors(line);

  const { code, stderr } = await line.run(['connect', 'crm', '--sql'], { input: 'postgres://x@y/z' });

  expect(stderr).toContain('has the type http');
  expect(code).toBe(2);
  expect(connectors(line)).toBe(before);
});
