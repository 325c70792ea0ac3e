import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { startTarget } from '../support/target.ts';
import { failureOf, get, openConnector, request } from './open-connector.ts';

/** A server with answers the misbehaving target has no mode for. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['deflate, gzip', (text: string) => gzipSync(deflateSync(text))],
  ['', Buffer.from],
  ['identity', Buffer.from],
])('an answer packed with %s is read', async (encoding, pack) => {
  const url = await serve((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding });
    response.end(pack('{"ok":true}'));
  });

  expect(await openConnector(url).call(request())).toMatchObject({ body: { ok: true } });
});

test.each([
  [200, ['content-type', 'application/json', 'content-type', 'text/html'], { body: { ok: true } }],
  [200, ['content-encoding', 'identity', 'content-encoding', 'identity'], { body: '{"ok":true}' }],
  [200, ['x-part', '1', 'x-part', '2'], { headers: { 'x-part': '1, 2' } }],
])('an answer %i with headers that come twice, %j, is read', async (code, headers, answer) => {
  const url = await serve((_, response) => response.writeHead(code, headers).end('{"ok":true}'));

  expect(await openConnector(url).call(request())).toMatchObject(answer);
});

test('a refusal with headers that come twice is what it is', async () => {
  const url = await serve((_, response) =>
    response.writeHead(429, ['retry-after', '2', 'retry-after', '9']).end(),
  );

  expect(await failureOf(openConnector(url).call(request()))).toMatchObject({
    class: 'transient',
    code: 'http_429',
    retryAfterMs: 2000,
  });
});

test('a 100 Continue that nobody asked for is called by its name', async () => {
  const url = await serve((_, response) => {
    response.writeContinue();
    response.end('{}');
  });

  expect(await failureOf(openConnector(url).call(request()))).toMatchObject({
    code: 'response_invalid',
    message: 'crm said 100 Continue, which it was not asked for, instead of its answer',
    maybeApplied: true,
  });
});

test('the reason of a refusal is found in however much of it', async () => {
  const body = JSON.stringify({ pad: 'x'.repeat(100_000), message: 'no such plan' });
  const url = await serve((_, response) =>
    response.writeHead(422, { 'content-type': 'application/json' }).end(body),
  );

  expect(await failureOf(openConnector(url).call(request()))).toMatchObject({
    untrustedMessage: 'no such plan',
  });
});

test('a bomb of 200 MB in a small answer is refused without unpacking it', async () => {
  const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
  const url = await serve((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end(bomb);
  });
  const before = process.memoryUsage().rss;

  const failure = await failureOf(openConnector(url).call(request()));

  expect(failure).toMatchObject({ class: 'data', code: 'response_too_large', maybeApplied: true });
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
});

test('packed bytes that are not what the header says are no answer', async () => {
  const url = await serve((_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end('not packed'),
  );

  expect(await failureOf(openConnector(url).call(request()))).toMatchObject({ code: 'response_invalid' });
});

test('a good answer of more than 1 MiB is refused', async () => {
  const target = await startTarget({ answer: () => ({ kind: 'huge', bytes: 50 * 1024 * 1024 }) });
  onTestFinished(() => target.close());

  const failure = await failureOf(openConnector(target.url).call(request()));

  expect(failure).toMatchObject({ class: 'data', code: 'response_too_large', maybeApplied: true });
});

test('a bad answer keeps its status however large or broken its body is', async () => {
  const url = await serve((incoming, response) => {
    response.writeHead(502, { 'content-type': 'text/plain' });
    if (incoming.method === 'POST') return void response.end('x'.repeat(5 * 1024 * 1024));
    response.write('half of it');
    setImmediate(() => response.destroy());
  });
  const connector = openConnector(url);

  const failures = await Promise.all([
    failureOf(connector.call(request())),
    failureOf(connector.call(get())),
  ]);

  expect(failures).toMatchObject([{ code: 'http_502' }, { code: 'http_502' }]);
  expect(failures[0]).not.toHaveProperty('maybeApplied');
  expect(failures[0]?.untrustedMessage).toHaveLength(500);
});

test('a good answer that breaks off may have been applied', async () => {
  const url = await serve((_, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half');
    setImmediate(() => response.destroy());
  });

  const failure = await failureOf(openConnector(url).call(request()));

  expect(failure).toMatchObject({ class: 'transient', code: 'connection_reset', maybeApplied: true });
});

test.each([
  ['text/plain', 'hello', 'hello'],
  ['application/json', '{"a":', '{"a":'],
  ['application/problem+json', '{"a":1}', { a: 1 }],
  ['application/json', '', null],
  ['application/json', '[['.repeat(5_000) + ']]'.repeat(5_000), expect.any(String)],
])('a body of type %s is kept in a form that can be stored', async (type, text, body) => {
  const url = await serve((_, response) => response.writeHead(200, { 'content-type': type }).end(text));

  expect((await openConnector(url).call(request())).body).toEqual(body);
});

test('a whole number beyond 2^53 comes as the text of its digits, since rounded it would name another record', async () => {
  const text =
    '{"id":12345678901234567890,"ids":[-9007199254740993,9007199254740991],"say":"\\"12345678901234567890\\\\","far":1e400,"near":0.1234567890123456}';
  const url = await serve((_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(text),
  );

  expect((await openConnector(url).call(request())).body).toEqual({
    id: '12345678901234567890',
    ids: ['-9007199254740993', 9007199254740991],
    say: '"12345678901234567890\\',
    far: '1e400',
    near: 0.1234567890123456,
  });
});

test.each([
  ['text/plain; charset=ISO-8859-1', Buffer.from('f\xfcr', 'latin1'), 'für'],
  ['application/json; charset="utf-16le"', Buffer.from('{"a":"ü"}', 'utf16le'), { a: 'ü' }],
  ['application/json; charset=klingon', Buffer.from('{"a":"ü"}'), { a: 'ü' }],
  ['application/json', Buffer.from('\ufeff{"a":"ü"}'), { a: 'ü' }],
])('an answer of type %s is read in its encoding', async (type, bytes, body) => {
  const url = await serve((_, response) => response.writeHead(200, { 'content-type': type }).end(bytes));

  expect((await openConnector(url).call(request())).body).toEqual(body);
});

test.each([
  ['image/png', [0x89, 0x50, 0x4e, 0x47, 0xff, 0x00], '(6 bytes of image/png: no text, and not kept)'],
  ['application/pdf; v=1', [0x25, 0xe2, 0xe3], '(3 bytes of application/pdf: no text, and not kept)'],
  ['application/octet-stream', [0x61, 0xc3, 0xbc], 'aü'],
  ['', [0x61, 0xfc], 'a\ufffd'],
  ['text/csv', [0x61, 0xfc], 'a\ufffd'],
  ['application/x-table; charset=latin1', [0x61, 0xfc], 'aü'],
])('of an answer of %s with the bytes %j the body is %j', async (type, bytes, body) => {
  const url = await serve((_, response) => {
    response.writeHead(200, { 'content-type': type });
    response.end(Buffer.from(bytes));
  });

  expect(await openConnector(url).call(request())).toMatchObject({ status: 200, body });
});

test('what is kept of a large answer is its first 64 KiB', async () => {
  const url = await serve((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify('y'.repeat(200_000)));
  });

  const { body } = await openConnector(url).call(request());

  expect(typeof body === 'string' && body.length).toBe(64 * 1024);
});

test.each([
  ['<html><title>502 Bad Gateway</title><h1>x</h1></html>', '502 Bad Gateway: x'],
  [
    '<head><title>Refused</title><style>p{}</style></head><body class="x"><script>let a;</script>\n<p>The e-mail\n is <b>wrong</b></p></body>',
    'Refused: The e-mail is wrong',
  ],
  ['<title>502 Bad Gateway</title><body><h1>502 Bad Gateway</h1>nginx', '502 Bad Gateway nginx'],
  ['<title>Only this</title>', 'Only this'],
  ['<p>No title', 'No title'],
])('of a page of HTML the title is quoted, and what it says beside that: %s', async (page, said) => {
  const url = await serve((_, response) => {
    response.writeHead(502, { 'content-type': 'text/html' }).end(page);
  });

  expect(await failureOf(openConnector(url).call(request()))).toMatchObject({ untrustedMessage: said });
});

test.each([
  ['Rails', { errors: { email: ['is taken', 'is too long'] } }, 'email: is taken is too long'],
  [
    'Laravel',
    { message: 'The given data was invalid.', errors: { email: ['Is taken.'], name: ['Is missing.'] } },
    'The given data was invalid. (email: Is taken.; name: Is missing.)',
  ],
  [
    'ASP.NET',
    {
      title: 'One or more validation errors occurred.',
      status: 400,
      errors: { 'Address.Zip': ['Too short.'] },
    },
    'One or more validation errors occurred. (Address.Zip: Too short.)',
  ],
  ['FastAPI', { detail: [{ loc: ['body', 'email'], msg: 'no email', type: 'x' }] }, 'body.email: no email'],
  [
    'JSON:API',
    { errors: [{ title: 'Invalid', detail: 'no email', source: { pointer: '/data/email' } }] },
    '/data/email: no email',
  ],
  [
    'GitHub',
    { message: 'Validation Failed', errors: [{ resource: 'Issue', field: 'title', code: 'missing_field' }] },
    'Validation Failed (title: missing_field)',
  ],
  ['a map of its own', { error: { code: 7, fields: { phone: 'must be E.164' } } }, 'phone: must be E.164'],
  ['a map that goes deep', { errors: { a: { b: { c: 'odd', d: { e: 'hidden' } } } } }, 'a.b.c: odd'],
  ['one complaint in place of a map', { errors: { message: 'no', code: 'E7' } }, 'no'],
  ['one without fields', { error: { message: 'no' }, errors: [{ message: 'none' }] }, 'no'],
])('the complaint of %s names the fields it is about', async (_, body, said) => {
  const url = await serve((_request, response) => {
    response.writeHead(422, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });

  expect(await failureOf(openConnector(url).call(request()))).toMatchObject({ untrustedMessage: said });
});

test('a read follows a redirect inside its origin', async () => {
  const url = await serve((incoming, response) => {
    if (incoming.url === '/customers') response.writeHead(302, { location: '/new?x=1' }).end();
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(incoming.url));
  });

  expect((await openConnector(url).call(get())).body).toBe('/new?x=1');
});

test('a write is sent again after 307, and only then', async () => {
  const bodies: string[] = [];
  const url = await serve(async (incoming, response) => {
    if (incoming.url === '/a') return void response.writeHead(307, { location: '/b' }).end();
    if (incoming.url === '/c') return void response.writeHead(302, { location: '/b' }).end();
    for await (const piece of incoming) bodies.push(String(piece));
    response.writeHead(201).end();
  });
  const connector = openConnector(url);

  const again = await connector.call(request({ path: '/a' }));
  const refused = await failureOf(connector.call(request({ path: '/c' })));

  expect(again.status).toBe(201);
  expect(bodies).toEqual(['{"id":1}']);
  expect(refused).toMatchObject({ class: 'data', code: 'redirect_refused', untrustedMessage: '/b' });
});

test('a write that is told where to look (303) may have done its work', async () => {
  const url = await serve((_, response) => void response.writeHead(303, { location: '/done' }).end());

  const failure = await failureOf(openConnector(url).call(request()));

  expect(failure).toMatchObject({ code: 'redirect_refused', maybeApplied: true });
  expect(failure?.message).toMatch(/where to see what came of it \(303\), which is not looked up$/);
});

test.each([
  'http://127.0.0.1:1/x',
  '//localhost/x',
  'https://example.com/',
  'http://user:pw@%HOST%/x',
  'file:///etc/passwd',
])('a redirect to %s is not followed, so credentials stay at home', async (location) => {
  let seen = 0;
  const url = await serve((incoming, response) => {
    seen += 1;
    response.writeHead(302, { location: location.replace('%HOST%', incoming.headers.host ?? '') }).end();
  });

  expect(await failureOf(openConnector(url).call(get()))).toMatchObject({ code: 'redirect_refused' });
  expect(seen).toBe(1);
});

test('a redirect that leads in circles ends after three', async () => {
  let seen = 0;
  const url = await serve((_, response) => {
    seen += 1;
    response.writeHead(302, { location: '/customers' }).end();
  });

  expect(await failureOf(openConnector(url).call(get()))).toMatchObject({
    code: 'redirect_refused',
    message:
      'crm answered GET /customers with redirects (302) to redirects; set base_url and endpoint to where they end, if they do',
    untrustedMessage: '/customers',
  });
  expect(seen).toBe(4);
});

test('a redirect that does not say where to is told as one', async () => {
  const url = await serve((_, response) => void response.writeHead(307).end());

  expect(await failureOf(openConnector(url).call(request()))).toMatchObject({
    code: 'redirect_refused',
    message:
      'crm answered POST /customers with a redirect (307) that does not say where to; set base_url and endpoint to an address that answers',
  });
});

test('calls one after the other share a connection', async () => {
  const sockets = new Set<unknown>();
  const url = await serve((incoming, response) => {
    sockets.add(incoming.socket);
    response.writeHead(204).end();
  });
  const connector = openConnector(url);

  for (let index = 0; index < 20; index++) await connector.call(get());

  // A second one may open while the first is being handed back.
  expect(sockets.size).toBeLessThanOrEqual(2);
});
