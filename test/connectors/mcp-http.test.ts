import type { ServerResponse } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { credentialsOf } from '../../src/connectors/credentials.ts';
import { until } from '../faults/until.ts';
import { type Hit, type HttpServerOptions, startHttpServer } from './mcp-servers/http.ts';
import { failureOf, openMcp } from './open-mcp.ts';

async function start(options?: HttpServerOptions) {
  const server = await startHttpServer(options);
  onTestFinished(() => server.close());
  return server;
}

/** A server on which calls of tools get something else than an answer. */
const startOdd = (answer: (response: ServerResponse, hit: Hit) => void) =>
  start({
    odd: (hit, response) => {
      if (hit.message.method !== 'tools/call') return false;
      answer(response, hit);
      return true;
    },
  });

test.each([false, true])('calls share one session; answers in JSON: %s', async (json) => {
  const server = await start({ json });
  const crm = openMcp(server);

  const results = await Promise.all(
    Array.from({ length: 60 }, (_, id) => crm.use('create_customer', { id, text: 'ü' })),
  );

  expect(results).toEqual(Array.from({ length: 60 }, (_, id) => ({ id, text: 'ü' })));
  expect(server.sessions.size).toBe(1);
});

test('the server sees who calls, and the secret stays out of what it says', async () => {
  const credentials = credentialsOf({ type: 'bearer', tokenEnv: 'T' }, () => 'S3CR3T');
  const server = await startOdd((response, { headers }) =>
    response
      .writeHead(422, { 'content-type': 'application/json' })
      .end(JSON.stringify({ error: headers.authorization })),
  );
  const crm = openMcp(server, { credentials, settings: { headers: { 'X-Team': 'ops' } } });

  const failure = await failureOf(crm.use('create_customer'));

  expect(failure).toEqual({
    class: 'data',
    code: 'http_422',
    connector: 'crm',
    message: 'crm answered 422 to the tool create_customer',
    untrustedMessage: 'Bearer [secret]',
    step: 'send',
  });
  for (const { headers } of server.hits) {
    expect(headers).toMatchObject({
      authorization: 'Bearer S3CR3T',
      'x-team': 'ops',
      'user-agent': 'sluice',
    });
  }
});

test.each([
  [401, 'auth'],
  [403, 'auth'],
  [429, 'transient'],
  [500, 'transient'],
  [503, 'transient'],
  [413, 'data'],
])('an answer of %i is a %s failure, and nothing was applied', async (status, errorClass) => {
  const { url } = await startOdd((response) => response.writeHead(status, { 'retry-after': '3' }).end('no'));

  const failure = await failureOf(openMcp({ url }).use('create_customer'));

  expect(failure).toEqual({
    class: errorClass,
    code: `http_${status}`,
    connector: 'crm',
    message: `crm answered ${status} to the tool create_customer`,
    untrustedMessage: 'no',
    step: 'send',
    ...(errorClass === 'transient' ? { retryAfterMs: 3_000 } : {}),
  });
});

test('a server that refuses the first message is told apart in the same way', async () => {
  const { url } = await start({ odd: (_, response) => response.writeHead(401).end('who?') !== undefined });

  expect(await failureOf(openMcp({ url }).use('create_customer'))).toMatchObject({
    class: 'auth',
    code: 'http_401',
  });
});

test('a session that the server has forgotten is opened again, and no call notices', async () => {
  const server = await start();
  const crm = openMcp(server);
  await crm.use('create_customer', { id: 0 });
  server.sessions.clear();

  const results = await Promise.all(
    Array.from({ length: 20 }, (_, id) => crm.use('create_customer', { id })),
  );

  expect(results).toHaveLength(20);
  expect(server.sessions.size).toBe(1);
});

test('a server that forgets every session fails the call after the second', async () => {
  const server = await startOdd((response) => response.writeHead(404).end('no such session'));

  const failure = await failureOf(openMcp(server).use('create_customer'));

  expect(failure).toMatchObject({ class: 'data', code: 'http_404' });
  expect(server.calls()).toBe(2);
});

test('the session ends with the connector', async () => {
  const server = await start();
  const crm = openMcp(server);
  await crm.use('create_customer');

  await crm.close();

  expect(server.sessions.size).toBe(0);
});

test.each<[string, (response: ServerResponse) => void, string]>([
  ['the connection is cut', (response) => response.socket?.destroy(), 'connection_reset'],
  ['the stream ends without it', (response) => events(response).end(), 'connection_reset'],
  [
    'the stream is cut',
    (response) => events(response).write(':\n\n', () => response.socket?.destroy()),
    'connection_reset',
  ],
  ['it is no JSON', (response) => json(response).end('{"half'), 'response_invalid'],
  ['it is no message', (response) => json(response).end('{"id": 1}'), 'response_invalid'],
  [
    'it is a page',
    (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    'response_invalid',
  ],
  ['nothing comes', () => {}, 'timeout'],
  ['only the head comes', (response) => events(response).flushHeaders(), 'timeout'],
])('an answer is lost when %s', async (_, answer, code) => {
  const { url } = await startOdd(answer);

  const failure = await failureOf(
    openMcp({ url }, { settings: { timeoutMs: 1_000 } }).use('create_customer'),
  );

  expect(failure).toMatchObject({ class: 'transient', code, maybeApplied: true });
});

const events = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' });
const json = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'application/json' });

test.each([true, false])('an answer of 9 MiB is not read to its end; in JSON: %s', async (inJson) => {
  const { url } = await start({ json: inJson });

  const failure = await failureOf(openMcp({ url }).use('many_bytes', { bytes: 9 * 1024 * 1024 }));

  expect(failure).toMatchObject({ class: 'data', code: 'response_too_large', maybeApplied: true });
});

test('a call that is given up leaves no connection open', async () => {
  let closed = false;
  const server = await startOdd((response) => void response.on('close', () => (closed = true)));
  const crm = openMcp(server);

  const failure = await failureOf(crm.use('create_customer', {}, { timeoutMs: 200 }));

  expect(failure).toMatchObject({ code: 'timeout', maybeApplied: true });
  await until('the connection is closed', () => closed);
  expect(server.hits.map(({ message }) => message.method)).toContain('notifications/cancelled');
});

test('a stream that is to be gone on with is, and its answer counts', async () => {
  let call: Hit['message'] = {};
  const server = await start({
    odd: ({ method, headers, message }, response) => {
      if (message.method === 'tools/call') {
        call = message;
        events(response).end('id: 7\nretry: 1\ndata:\n\n');
        return true;
      }
      if (method !== 'GET' || headers['last-event-id'] !== '7') return false;
      const answer = {
        jsonrpc: '2.0',
        id: call.id,
        result: { content: [{ type: 'text', text: 'at last' }] },
      };
      events(response).end(`id: 8\ndata: ${JSON.stringify(answer)}\n\n`);
      return true;
    },
  });

  expect(await openMcp(server).use('create_customer')).toBe('at last');
});

test('a server that ends its stream of notifications at once is not asked for it again and again', async () => {
  const server = await start({
    odd: ({ method }, response) => method === 'GET' && events(response).end('retry: 1\n\n') !== undefined,
  });
  const crm = openMcp(server);

  await crm.use('create_customer');
  await crm.use('pause', { ms: 300 });

  expect(server.hits.filter(({ method }) => method === 'GET')).toHaveLength(1);
});

test('a redirect to another origin is not followed, one within it is', async () => {
  const other = await start();
  const away = await start({
    odd: (_, response) => response.writeHead(307, { location: other.url }).end() !== undefined,
  });
  let moved = 0;
  const within = await start({
    odd: ({ message }, response, { url }) => {
      if (message.method !== 'tools/call' || url === '/new') return false;
      moved += 1;
      response.writeHead(308, { location: '/new' }).end();
      return true;
    },
  });

  expect(await failureOf(openMcp(away).use('create_customer'))).toMatchObject({
    class: 'data',
    code: 'redirect_refused',
    message: 'crm answered with a redirect (307) that is not followed; set url to where it leads',
  });
  expect(other.hits).toHaveLength(0);
  expect(await openMcp(within).use('create_customer', { id: 1 })).toEqual({ id: 1 });
  expect(moved).toBe(1);
});

test('a private address is refused unless it is allowed', async () => {
  const server = await start();
  const named = server.url.replace('127.0.0.1', 'localhost');

  const failures = await Promise.all(
    [server.url, named].map((url) => failureOf(openMcp({ url, allowPrivate: false }).use('create_customer'))),
  );

  for (const failure of failures) {
    expect(failure).toMatchObject({ class: 'data', code: 'host_not_allowed' });
    expect(failure).not.toHaveProperty('maybeApplied');
  }
  expect(server.hits).toHaveLength(0);
});

test('a server that is not there applied nothing', async () => {
  const server = await startHttpServer();
  await server.close();

  expect(await failureOf(openMcp(server).use('create_customer'))).toEqual({
    class: 'transient',
    code: 'connection_refused',
    connector: 'crm',
    message: 'crm refused the connection',
    step: 'send',
  });
});

test('a server that went away in between applied nothing either, and is found when it is back', async () => {
  let gone = false;
  const server = await start({ odd: (_, response) => gone && response.socket?.destroy() !== undefined });
  const crm = openMcp(server);
  await crm.use('create_customer');

  gone = true;
  expect(await failureOf(crm.use('create_customer'))).toMatchObject({ class: 'transient' });
  gone = false;
  server.sessions.clear();

  expect(await crm.use('create_customer', { id: 2 })).toEqual({ id: 2 });
});
