import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect } from 'vitest';
import { pageFile } from '../../src/page-files.ts';
import { builtServer } from '../support/built-server.ts';
import { test } from '../support/database.ts';
import { operatorToken, type Served, serve } from '../support/http.ts';
import { httpRoutes } from '../support/http-routes.ts';

const told = [
  '/healthz',
  '/readyz',
  '/.well-known/oauth-protected-resource',
  '/.well-known/oauth-protected-resource/mcp',
];
/** What is the same for everybody, whatever the server holds. */
const page = ['/', '/page/page.js', '/page/page.css', '/page/icon.svg'];
const open = [...told, ...page];

const routes = httpRoutes
  .filter(({ path }) => !/^\/?\*$/.test(path))
  .map(({ method, path }) => ({
    method: method === 'ALL' ? 'POST' : method,
    path: path.replaceAll(/:[a-z_]+(\{[^}]*\})?/gi, '01890000-0000-7000-8000-000000000000').replace('*', 'x'),
  }));
const closed = routes.filter(({ path }) => !open.includes(path));

let served: Served;
// Before any connection is open: a build holds this process up, and idle connections are cut meanwhile.
beforeAll(async () => {
  await builtServer();
});
test.beforeEach(async ({ address }) => {
  // Nobody issues tokens at this address, so that asking there would be seen.
  const env = { SLUICE_OAUTH_ISSUER: 'http://127.0.0.1:9', SLUICE_OAUTH_AUDIENCE: 'sluice' };
  served ??= await serve(address, { env });
});
afterAll(async () => {
  agent.destroy();
  await served?.stop();
});

const agent = new Agent({ keepAlive: true, maxSockets: 20 });

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Exactly what is asked goes out: nothing is made tidy on the way. */
async function ask({ method, path, headers = {}, body }: Asked) {
  const { hostname, port } = new URL(served.url);
  const asking = httpRequest({ hostname, port, method, path, headers, agent });
  asking.end(body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  const streams = answer.headers['content-type']?.startsWith('text/event-stream') === true;
  const said = streams ? '' : await text(answer);
  if (streams) asking.destroy();
  return { status: answer.statusCode, headers: answer.headers, said, asked: `${method} ${path}` };
}

const all = (list: readonly Asked[]) => Promise.all(list.map(ask));
const own = { authorization: `Bearer ${operatorToken}` };

test('there are routes to try', () => {
  expect(closed.length).toBeGreaterThan(20);
  expect(routes.length).toBeGreaterThan(closed.length);
});

test('every route wants a token, and takes no wrong one, wherever it is shown', async () => {
  const attempts: Record<string, string>[] = [
    {},
    { authorization: 'Bearer wrong' },
    { authorization: `Bearer ${operatorToken}x` },
    { authorization: `Basic ${Buffer.from(`x:${operatorToken}`).toString('base64')}` },
    { authorization: operatorToken },
    { cookie: `token=${operatorToken}` },
    { 'x-api-key': operatorToken },
  ];
  const query = closed.map(({ method, path }) => ({
    method,
    path: `${path}?token=${operatorToken}&access_token=${operatorToken}`,
  }));

  const answers = await all(closed.flatMap((route) => attempts.map((headers) => ({ ...route, headers }))));
  const inQuery = await all(query);

  expect(answers.filter(({ status }) => status !== 401).map(({ asked, status }) => [asked, status])).toEqual(
    [],
  );
  // Who shows a token there is told that it does not belong there.
  expect(inQuery.filter(({ status }) => status !== 400 && status !== 401).map(({ asked }) => asked)).toEqual(
    [],
  );
  for (const { headers, said } of answers.slice(0, 20)) {
    expect(headers['www-authenticate']).toMatch(/^Bearer .*resource_metadata="http/);
    expect(headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(said)).toMatchObject({ status: 401, code: 'unauthorized' });
  }
});

test('health, the way to tokens and the empty page are all that is open, and tell nothing else', async () => {
  const answers = await all(open.map((path) => ({ method: 'GET', path })));
  const files = ['index.html', 'page.js', 'page.css', 'icon.svg'].map((name) => pageFile(name));

  expect(answers.map(({ status }) => status)).toEqual(open.map(() => 200));
  expect(answers.slice(told.length).map(({ said }) => said)).toEqual(files);
  expect(answers[0]?.said).toBe('{"status":"ok"}');
  expect(JSON.parse(answers[2]?.said ?? '')).toMatchObject({
    resource: 'sluice',
    authorization_servers: ['http://127.0.0.1:9'],
  });
});

test('a browser may keep the files of the page, and asks before it shows them again', async () => {
  const answers = await all(page.map((path) => ({ method: 'GET', path })));

  expect(answers.map(({ headers }) => headers['cache-control'])).toEqual(page.map(() => 'no-cache'));
});

test('no route answers under another name, or a page from elsewhere, not even with the token', async () => {
  const { host } = new URL(served.url);
  const hostile: Record<string, string>[] = [
    { host: 'evil.example' },
    { host: '127.0.0.1.evil.example' },
    { host: 'localhost.evil.example:80' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `http://${host}.evil.example` },
    { origin: `https://evil.example/http://${host}` },
    { origin: 'file://' },
  ];

  const answers = await all(
    routes.flatMap((route) => hostile.map((headers) => ({ ...route, headers: { ...own, ...headers } }))),
  );

  expect(answers.filter(({ status }) => status !== 403).map(({ asked, status }) => [asked, status])).toEqual(
    [],
  );
  expect(new Set(answers.map(({ said }) => JSON.parse(said || '{"code":"none"}').code))).toEqual(
    new Set([
      'host_not_allowed',
      'origin_not_allowed',
      ...(answers.some(({ said }) => said === '') ? ['none'] : []),
    ]),
  );
  expect(answers.some(({ headers }) => 'access-control-allow-origin' in headers)).toBe(false);
});

test('the server’s own pages may call it', async () => {
  const { host } = new URL(served.url);

  const [answer] = await all([
    { method: 'GET', path: '/metrics', headers: { ...own, origin: `http://${host}` } },
  ]);

  expect(answer?.status).toBe(200);
});

test('no way of writing a path, and no method, leads past the token', async () => {
  const paths = ['/mcp', '/metrics', '/api/v1/batches', '/sse'];
  const written = paths.flatMap((path) => [
    `/${path}`,
    `/healthz/..${path}`,
    `/healthz/%2e%2e${path}`,
    `/healthz%2f..${path}`,
    `/healthz%252f..${path}`,
    `/healthz/%5c..${path}`,
    `/healthz\\..${path}`,
    `/.well-known/oauth-protected-resource/..${path}`,
    `/healthz;${path}`,
    `${path}.`,
    `${path}/`,
    `${path}%00`,
    `${path.toUpperCase()}`,
    `/./${path}`,
    `http://127.0.0.1${path}`,
  ]);
  const methods = ['HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'DELETE', 'PATCH'];

  const answers = await all([
    ...written.map((path) => ({ method: 'GET', path })),
    ...closed.flatMap(({ path }) => methods.map((method) => ({ method, path }))),
  ]);

  const let_in = answers.filter(({ status }) => status !== 401 && status !== 400);
  expect(let_in.map(({ asked, status }) => [asked, status])).toEqual([]);
});

test('a method that an address does not take is answered with those it takes', async () => {
  const asked = [
    ['POST', '/', 'GET, HEAD'],
    ['DELETE', '/healthz', 'GET, HEAD'],
    ['POST', '/readyz', 'GET, HEAD'],
    ['PUT', '/metrics', 'GET, HEAD'],
    ['POST', '/sse', 'GET'],
    ['HEAD', '/sse', 'GET'],
    ['GET', '/messages', 'POST'],
    ['GET', '/mcp', 'POST'],
    ['GET', '/batch', 'POST'],
    ['PATCH', '/batch/x/results', 'GET, HEAD'],
    ['DELETE', '/api/v1/batches', 'POST, GET, HEAD'],
  ] as const;

  const answers = await all(asked.map(([method, path]) => ({ method, path, headers: own })));

  expect(answers.map(({ asked: what, status, headers }) => [what, status, headers.allow])).toEqual(
    asked.map(([method, path, allow]) => [`${method} ${path}`, 405, allow]),
  );
});

test('a form of a page cannot call: what is posted is JSON or is refused', async () => {
  const forms = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/json',
  ];
  const posting = closed.filter(({ method, path }) => method !== 'GET' && !path.includes('/uploads'));

  const answers = await all(
    posting.flatMap((route) =>
      forms.map((type) => ({
        ...route,
        headers: { ...own, 'content-type': type },
        body: '{"flow_id":"x","records":[{}]}',
      })),
    ),
  );

  const taken = answers.filter(({ status = 0 }) => status < 400 || status >= 500);
  expect(taken.map(({ asked, status }) => [asked, status])).toEqual([]);
  expect(answers.filter(({ status }) => status === 415).length).toBeGreaterThan(10);
});

test('a compressed body is refused wherever a body is taken, and nothing of it is kept', async () => {
  const headers = { ...own, 'content-type': 'application/json', 'content-encoding': 'gzip' };
  const body = gzipSync('{"flow_id": "x"}');
  const paths = ['/api/v1/batches', '/api/v1/uploads', '/batch', '/published/by/nobody', '/mcp'];

  const answers = await all(paths.map((path) => ({ method: 'POST', path, headers, body })));
  const plain = { ...headers, 'content-encoding': 'identity' };
  const asItIs = await ask({ method: 'POST', path: '/batch', headers: plain, body: '{}' });

  expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 415));
  for (const { said } of answers) expect(said).toContain('without Content-Encoding');
  expect((await served.json('/api/v1/uploads')).uploads).toEqual([]);
  expect(asItIs.status).toBe(400);
});

test('a body that is too large is turned away with the limit, whether or not it says how large it is', async () => {
  const megabyte = 'x'.repeat(1024 * 1024);
  const endless = () =>
    new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(megabyte));
      },
    });
  const paths = ['/api/v1/batches', '/batch', '/published/by/nobody'];

  const answers = [];
  for (const path of paths)
    for (const body of [megabyte.repeat(17), endless()]) {
      const headers = { 'content-type': 'application/json' };
      const asked = { method: 'POST', headers, body, duplex: 'half' } as RequestInit & { body: string };
      answers.push(await served.request(path, asked).catch(() => undefined));
    }

  const declared = answers.filter((_, n) => n % 2 === 0);
  expect(declared.map((answer) => answer?.status)).toEqual(paths.map(() => 413));
  for (const answer of declared)
    expect(await answer?.json()).toMatchObject({
      code: 'body_too_large',
      detail: expect.stringContaining('16777216 bytes'),
    });
  // A client that goes on sending may find the connection cut before it reads the answer.
  for (const answer of answers) expect([413, undefined]).toContain(answer?.status);
});

test('every answer carries the headers that protect, and none says what runs here', async () => {
  const answers = await all(
    [...routes, { method: 'GET', path: '/nowhere' }].map((route) => ({ ...route, headers: own })),
  );

  for (const { headers } of answers) {
    expect(headers['x-content-type-options']).toBe('nosniff');
    if (headers['content-type'] !== 'text/event-stream') {
      expect(headers['x-frame-options']).toBe('SAMEORIGIN');
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    }
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('server');
  }
});

test('a database that refuses the server is no mistake of the caller', async ({ address }) => {
  const locked = await serve({ ...address, user: 'nobody' });

  const answer = await locked.request('/api/v1/batches');
  const said = await answer.text();
  await locked.stop();

  expect(answer.status).toBe(503);
  expect(said).toContain('does not know the user');
});
