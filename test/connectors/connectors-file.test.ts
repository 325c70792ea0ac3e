import { expect, test } from 'vitest';
import { parseConnectors } from '../../src/connectors/connectors-file.ts';
import { formatProblem } from '../../src/connectors/file-problem.ts';

function problemsOf(text: string): string[] {
  const parsed = parseConnectors(text, 'connectors.yaml');
  return 'problems' in parsed ? parsed.problems.map(formatProblem) : [];
}

function only(text: string) {
  const parsed = parseConnectors(text, 'connectors.yaml');
  if ('problems' in parsed) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return [...parsed.connectors.values()][0];
}

test('every setting of a connector is read', () => {
  const text = `
crm-system:
  type: http
  base_url: https://crm.example.com/v2/
  auth: { type: bearer, token_env: CRM_TOKEN }
  headers: { X-Team: ops }
  concurrency: 20
  rate: 600/min
  timeout: 10s
  allow_private: true
`;

  expect(only(text)).toEqual({
    type: 'http',
    name: 'crm-system',
    origin: 'https://crm.example.com',
    prefix: '/v2',
    auth: { type: 'bearer', tokenEnv: 'CRM_TOKEN' },
    headers: { 'X-Team': 'ops' },
    concurrency: 20,
    rate: { count: 600, windowMs: 60_000 },
    timeoutMs: 10_000,
    allowPrivate: true,
  });
});

test('two lines make a connector', () => {
  expect(only('crm:\n  type: http\n  base_url: https://crm.example.com')).toEqual({
    type: 'http',
    name: 'crm',
    origin: 'https://crm.example.com',
    prefix: '',
    headers: {},
    timeoutMs: 30_000,
    allowPrivate: false,
  });
});

test('a file of comments declares nothing', () => {
  expect(parseConnectors('# none yet\n', 'c')).toEqual({ connectors: new Map() });
});

test.each([
  [
    'type: sql, url_env: SHOP_DB_URL',
    { type: 'sql', urlEnv: 'SHOP_DB_URL', concurrency: 5, timeoutMs: 30_000, allowPrivate: false },
  ],
  [
    'type: sql, url_env: SHOP_DB_URL, concurrency: 20, timeout: 5s, allow_private: true',
    { type: 'sql', urlEnv: 'SHOP_DB_URL', concurrency: 20, timeoutMs: 5_000, allowPrivate: true },
  ],
  [
    'type: mcp, command: npx',
    { type: 'mcp', command: 'npx', args: [], env: {}, timeoutMs: 60_000, concurrency: 10 },
  ],
  [
    'type: mcp, command: /opt/my server, args: [-y, "a b"], env: { TOKEN: CRM_TOKEN }, cwd: /srv, timeout: 2m, concurrency: 1, rate: 5/s',
    {
      type: 'mcp',
      command: '/opt/my server',
      args: ['-y', 'a b'],
      env: { TOKEN: 'CRM_TOKEN' },
      cwd: '/srv',
      timeoutMs: 120_000,
      concurrency: 1,
      rate: { count: 5, windowMs: 1000 },
    },
  ],
  [
    'type: mcp, command: npx, env: [A_TOKEN, B_TOKEN]',
    {
      type: 'mcp',
      command: 'npx',
      args: [],
      env: { A_TOKEN: 'A_TOKEN', B_TOKEN: 'B_TOKEN' },
      timeoutMs: 60_000,
      concurrency: 10,
    },
  ],
  [
    'type: mcp, url: "https://mcp.example.com/mcp?toolsets=all", auth: { type: bearer, token_env: T }, headers: { X-Team: ops }, allow_private: true',
    {
      type: 'mcp',
      url: 'https://mcp.example.com/mcp?toolsets=all',
      auth: { type: 'bearer', tokenEnv: 'T' },
      headers: { 'X-Team': 'ops' },
      allowPrivate: true,
      timeoutMs: 60_000,
      concurrency: 10,
    },
  ],
  [
    'type: sql, url_env: U, adaptive: false, circuit: off, retry_lost_answers: false',
    {
      type: 'sql',
      urlEnv: 'U',
      concurrency: 5,
      timeoutMs: 30_000,
      allowPrivate: false,
      adaptive: false,
      circuit: 'off',
      retryLostAnswers: false,
    },
  ],
  [
    'type: mcp, command: npx, adaptive: true, circuit: { failures: 3, probe: 2m }, retry_lost_answers: true',
    {
      type: 'mcp',
      command: 'npx',
      args: [],
      env: {},
      timeoutMs: 60_000,
      concurrency: 10,
      circuit: { failures: 3, authFailures: 3, firstProbeMs: 120_000, longestProbeMs: 120_000 },
    },
  ],
  [
    'type: webhook, url: https://hooks.example.com/done, secret_env: HOOK_SECRET',
    {
      type: 'webhook',
      url: 'https://hooks.example.com/done',
      secretEnv: 'HOOK_SECRET',
      allowPrivate: false,
    },
  ],
])('{ %s } is read', (declared, settings) => {
  expect(only(`it: { ${declared} }`)).toEqual({ ...settings, name: 'it' });
});

test.each([
  ['type: sql', '1:1 it.url_env is missing'],
  ['type: sql, url: "postgres://u:pw@db"', '1:18 unknown key "url"; did you mean "url_env"?'],
  [
    'type: sql, url_env: "postgres://u:pw@db"',
    '1:27 it.url_env must be the name of an environment variable, not the secret itself',
  ],
  ['type: sql, url_env: U, concurrency: 101', '1:43 it.concurrency must be a whole number from 1 to 100'],
  ['type: sql, url_env: U, timeout: 2h', '1:39 it.timeout must be a duration up to 1h, such as 30s'],
  ['type: mcp', '1:5 it needs either a command or a url'],
  ['type: mcp, command: x, url: https://x.example', '1:5 it needs either a command or a url'],
  ['type: mcp, command: x, headers: { A: b }', '1:39 it.headers belongs to a server with a url'],
  ['type: mcp, url: https://x.example, args: [a]', '1:48 it.args belongs to a server with a command'],
  ['type: mcp, url: https://x.example, cwd: /a', '1:47 it.cwd belongs to a server with a command'],
  [
    'type: mcp, command: npx -y tool',
    '1:27 it.command must be the program alone; write command: npx and args: ["-y","tool"]',
  ],
  ['type: mcp, command: ""', '1:27 it.command must be the name or the path of a program'],
  ['type: mcp, comand: x', '1:18 unknown key "comand"; did you mean "command"?'],
  ['type: mcp, command: x, args: -y', '1:36 it.args must be a list'],
  ['type: mcp, command: x, args: [1]', '1:37 it.args.0 must be a text'],
  ['type: mcp, command: x, cwd: here', '1:35 it.cwd must be an absolute path'],
  [
    'type: mcp, command: x, env: { A: "s3cret!" }',
    '1:40 it.env.A must be the name of an environment variable, not the secret itself',
  ],
  [
    'type: mcp, command: x, env: [A, B-C]',
    '1:39 it.env.1 must be the name of an environment variable, not the secret itself',
  ],
  ['type: mcp, url: ftp://x.example', '1:23 it.url must be a URL that begins with https:// or http://'],
  ['type: mcp, url: https://a:b@x.example', '1:23 it.url must not hold a password; use the auth block'],
  ['type: webhook', '1:1 it.url is missing'],
  [
    'type: webhook, url: https://x.example, secret: abc',
    '1:46 unknown key "secret"; did you mean "secret_env"?',
  ],
  [
    'type: sql, url_env: U, circuit: on',
    '1:39 it.circuit must be off, or a map with failures, auth_failures, probe and max_probe',
  ],
  ['type: sql, url_env: U, circuit: { failure: 3 }', '1:41 unknown key "failure"; did you mean "failures"?'],
  [
    'type: sql, url_env: U, circuit: { failures: 0 }',
    '1:51 it.circuit.failures must be a whole number from 1 to 10000',
  ],
  ['type: sqll, url_env: U', '1:13 it.type must be http, sql, mcp or webhook'],
])('{ %s } is refused where it is wrong', (declared, problem) => {
  expect(problemsOf(`it: { ${declared} }`)).toContain(`connectors.yaml:${problem}`);
});

test('all mistakes come back at once, each with its place and the word that was meant', () => {
  const text = `crm:
  type: http
  base_uri: https://crm.example.com
  auth: { type: bearer, token: abc }
  rate: fast
  concurrency: 0
other:
  type: https
  base_url: ftp://x
echo: { type: http, base_url: https://x.example }
fourth: { type: http, base_url: https://user:pw@x.example }
third:
  type: http
  base_url: https://x.example?y=1
  timeout: soon
  headers: { Host: x, "bad name": y }
  auth: { type: bearer, token_env: abc def }
`;

  expect(problemsOf(text)).toEqual([
    'connectors.yaml:1:1 crm.base_url is missing',
    'connectors.yaml:3:3 unknown key "base_uri"; did you mean "base_url"?',
    'connectors.yaml:4:3 crm.auth.token_env is missing',
    'connectors.yaml:4:25 unknown key "token"; did you mean "token_env"?',
    'connectors.yaml:5:9 crm.rate must be calls per time, such as 10/s or 600/min',
    'connectors.yaml:6:16 crm.concurrency must be a whole number from 1 to 1000',
    'connectors.yaml:8:9 other.type must be http, sql, mcp or webhook',
    'connectors.yaml:10:1 echo is the name of the built-in target',
    'connectors.yaml:11:33 fourth.base_url must not hold a password; use the auth block',
    'connectors.yaml:14:13 third.base_url must end before any ? or #',
    'connectors.yaml:15:12 third.timeout must be a duration up to 1h, such as 30s',
    'connectors.yaml:16:14 third.headers.Host is set by Sluice itself',
    'connectors.yaml:16:23 third.headers.bad name is no header name: letters, digits and - only',
    'connectors.yaml:17:36 third.auth.token_env must be the name of an environment variable, not the secret itself',
  ]);
});

test.each([
  ['auth: { type: basic, password_env: P }', 'x.auth needs either username or username_env'],
  ['auth: { type: header, header: Host, value_env: V }', 'x.auth.header is set by Sluice itself'],
])('%s is refused', (auth, message) => {
  expect(problemsOf(`x:\n  type: http\n  base_url: https://x.example\n  ${auth}`)).toEqual([
    expect.stringContaining(message),
  ]);
});

test('a file that is no map is refused', () => {
  expect(problemsOf('- a\n- b')).toEqual(['connectors.yaml:1:1 the file must be a map of keys and values']);
});
