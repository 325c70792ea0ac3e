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

test.each(['sql', 'mcp', 'webhook'])('the type %s is a known word with keys of its own', (type) => {
  expect(only(`db:\n  type: ${type}\n  anything: 1`)).toEqual({ type, name: 'db' });
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
    'connectors.yaml:8:9 other.type must be http',
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
