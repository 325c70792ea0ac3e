import { expect, onTestFinished, test } from 'vitest';
import { NeverLeft } from '../../src/connectors/never-left.ts';
import { type Mode, startTarget, status, type TargetOptions } from '../support/target.ts';
import { failureOf, get, openConnector, request } from './open-connector.ts';

async function target(answer: TargetOptions['answer'] | Mode = { kind: 'ok' }) {
  const started = await startTarget({ answer: typeof answer === 'function' ? answer : () => answer });
  onTestFinished(() => started.close());
  return started;
}

test('a good answer comes back with its status, headers and JSON body', async () => {
  const { url } = await target({ kind: 'ok', body: { id: 'c-1' } });

  const answer = await openConnector(url).call(request());

  expect(answer).toMatchObject({
    status: 200,
    body: { id: 'c-1' },
    headers: { 'content-type': 'application/json' },
  });
});

test('the target sees the prefix, the query, the headers and the idempotency key', async () => {
  const { url, hits } = await target();
  const connector = openConnector(url, { prefix: '/v2', headers: { 'X-Team': 'ops', 'X-Kind': 'a' } });

  await connector.call(request({ path: '/a?x=1', query: { 'q&': 'a b/ü' }, headers: { 'x-kind': 'b' } }));

  expect(hits[0]).toMatchObject({ method: 'POST', path: '/v2/a?x=1&q%26=a+b%2F%C3%BC', body: { id: 1 } });
  expect(hits[0]?.headers).toMatchObject({
    'x-team': 'ops',
    'x-kind': 'b',
    'content-type': 'application/json',
    'idempotency-key': 'job:0:target:r0',
    'user-agent': 'sluice',
  });
});

test.each([
  ['text/xml', '<id>1</id>', '<id>1</id>'],
  [
    'application/x-www-form-urlencoded',
    { name: 'a b&c', no: null, tags: ['x'], id: 1 },
    'name=a+b%26c&tags=%5B%22x%22%5D&id=1',
  ],
  ['application/x-www-form-urlencoded', 'a=1', 'a=1'],
  ['application/vnd.api+json', '<id>1</id>', '"<id>1</id>"'],
  ['text/plain', { id: 1 }, '{"id":1}'],
])('a body of type %s is written as its type says', async (type, body, sent) => {
  const { url, hits } = await target();

  await openConnector(url).call(request({ headers: { 'Content-Type': type }, body }));

  expect(hits[0]?.headers).toMatchObject({ 'content-type': type, 'content-length': String(sent.length) });
  expect(hits[0]?.body).toEqual(type.includes('json') || sent.startsWith('{') ? JSON.parse(sent) : sent);
});

test.each([
  ['multipart/form-data', /type shell \(curl -F\) or python/],
  ['application/soap+xml', /escape_xml/],
])('fields are not sent as %s, which they would not be', async (type, words) => {
  const target = await startTarget();
  onTestFinished(() => target.close());
  const headers = { 'Content-Type': type };

  const failure = await failureOf(openConnector(target.url).call(request({ headers, body: { a: 1 } })));
  await openConnector(target.url).call(request({ headers, body: '<a>1</a>' }));

  expect(failure).toMatchObject({
    class: 'data',
    code: 'body_not_possible',
    message: expect.stringMatching(words),
  });
  expect(target.hits.map(({ headers: sent }) => sent['content-type'])).toEqual([type]);
});

test('a GET carries neither a body nor an idempotency key', async () => {
  const { url, hits } = await target();

  await openConnector(url).call(get({ idempotencyKey: 'k' }));

  expect(hits[0]?.headers).not.toHaveProperty('idempotency-key');
  expect(hits[0]?.headers).not.toHaveProperty('content-type');
});

test.each([
  [400, 'data'],
  [401, 'auth'],
  [403, 'auth'],
  [404, 'data'],
  [408, 'transient'],
  [409, 'conflict'],
  [410, 'data'],
  [422, 'data'],
  [425, 'transient'],
  [429, 'transient'],
  [500, 'transient'],
  [503, 'transient'],
  [599, 'transient'],
])('an answer of %i is a %s failure, and nothing was applied', async (code, errorClass) => {
  const { url } = await target(status(code, { message: 'no' }));

  const failure = await failureOf(
    openConnector(url).call(
      request({ path: '/customers/7', endpoint: '/customers/{{ source.id }}', step: 'target' }),
    ),
  );

  expect(failure).toEqual({
    class: errorClass,
    code: `http_${code}`,
    connector: 'crm',
    message: `crm answered ${code} to POST /customers/{{ source.id }}`,
    untrustedMessage: 'no',
    step: 'target',
  });
});

test.each([
  [{ error: { message: 'bad mail' } }, 'bad mail'],
  [{ errors: [{ field: 'x', message: 'too long' }] }, 'x: too long'],
  [{ title: 'Unprocessable', detail: 'no country' }, 'no country'],
  [{ errors: ['first', 'second'] }, 'first'],
  [{ code: 7 }, '{"code":7}'],
  ['\u001b[31mred\u001b[0m\r\n \u202eevil', 'red evil'],
])('of the body %j the failure quotes %j', async (body, said) => {
  const { url } = await target(status(422, body));

  const failure = await failureOf(openConnector(url).call(request()));

  expect(failure.untrustedMessage).toBe(said);
});

test.each([
  ['7', 7_000],
  ['1.5', 1_500],
  ['0', 0],
  ['999999999', 3_600_000],
  ['9'.repeat(400), 3_600_000],
  ['Fri, 31 Dec 9999 23:59:59 GMT', 3_600_000],
  ['Wed, 21 Oct 2015 07:28:00 GMT', undefined],
  ['1e99', undefined],
  ['-5', undefined],
  ['soon', undefined],
  ['', undefined],
])('Retry-After: %s asks to wait %s ms', async (header, wait) => {
  const { url } = await target(status(429, null, { 'retry-after': header }));

  const failure = await failureOf(openConnector(url).call(request()));

  expect(failure.retryAfterMs).toBe(wait);
});

test('Retry-After as a date is the time until then', async () => {
  const { url } = await target(() =>
    status(503, null, { 'retry-after': new Date(Date.now() + 90_000).toUTCString() }),
  );

  const failure = await failureOf(openConnector(url).call(request()));

  expect(failure.retryAfterMs).toBeGreaterThan(85_000);
  expect(failure.retryAfterMs).toBeLessThanOrEqual(90_000);
});

test.each<[Mode, string]>([
  [{ kind: 'hang' }, 'timeout'],
  [{ kind: 'drip', everyMs: 20 }, 'timeout'],
  [{ kind: 'reset' }, 'connection_reset'],
  [{ kind: 'garbage' }, 'response_invalid'],
])('after %j a write may have been applied, a read has not: %s', async (mode, code) => {
  const { url } = await target(mode);
  const connector = openConnector(url, { timeoutMs: 200 });

  const [write, read] = await Promise.all([
    failureOf(connector.call(request())),
    failureOf(connector.call(get())),
  ]);

  expect(write).toMatchObject({ class: 'transient', code, maybeApplied: true });
  expect(read).toMatchObject({ class: 'transient', code });
  expect(read).not.toHaveProperty('maybeApplied');
});

test('a refused connection applied nothing', async () => {
  const { url, close } = await startTarget();
  await close();

  const failure = await failureOf(openConnector(url).call(request()));

  expect(failure).toEqual({
    class: 'transient',
    code: 'connection_refused',
    connector: 'crm',
    message: 'crm refused the connection',
  });
});

test('a host name that nobody knows is told apart', async () => {
  const failure = await failureOf(openConnector('http://sluice-test.invalid').call(request()));

  expect(failure).toMatchObject({ class: 'transient', code: expect.stringMatching(/^dns_/) });
  expect(failure).not.toHaveProperty('maybeApplied');
});

test('a server that does not speak TLS is told apart', async () => {
  const { url } = await target();

  const failure = await failureOf(openConnector(url.replace('http:', 'https:')).call(request()));

  expect(failure).toMatchObject({ class: 'transient', code: 'tls_error' });
});

test('a time limit of the request wins over the one of the connector', async () => {
  const { url } = await target({ kind: 'hang' });

  const failure = await failureOf(openConnector(url).call(request({ timeoutMs: 100 })));

  expect(failure.message).toBe('crm did not answer POST /customers within 0.1 s');
});

test('a private address is refused unless it is allowed', async () => {
  const { url, hits } = await target();
  const closed = openConnector(url, { allowPrivate: false });
  const named = openConnector(url.replace('127.0.0.1', 'localhost'), { allowPrivate: false });

  const failures = await Promise.all([failureOf(closed.call(request())), failureOf(named.call(request()))]);

  expect(failures).toMatchObject([{ code: 'host_not_allowed' }, { code: 'host_not_allowed' }]);
  expect(failures[0]).not.toHaveProperty('maybeApplied');
  expect(hits).toHaveLength(0);
});

test.each(['a\r\nX-Evil: 1', 'a\nb', 'nul\u0000', 'łódź', '日本'])(
  'a header value of %j fails the record, and the target is never called',
  async (value) => {
    const { url, hits } = await target();

    const failure = await failureOf(openConnector(url).call(request({ headers: { 'x-name': value } })));

    expect(failure).toMatchObject({ class: 'data', code: 'header_not_allowed' });
    expect(JSON.stringify(failure)).not.toContain('Evil');
    expect(hits).toHaveLength(0);
  },
);

test.each(['/a/../b', '/..', '/a/%2e%2E/b', '/a/.', '/a b', '/a#b', '/a\\b', '/é', 'a', '/a\r\nb'])(
  'the path %j is never sent',
  async (path) => {
    const { url, hits } = await target();

    const failure = await failureOf(openConnector(url).call(request({ path })));

    expect(failure).toMatchObject({ class: 'data', code: 'path_not_allowed' });
    expect(hits).toHaveLength(0);
  },
);

test('a path that looks like another host stays a path of this one', async () => {
  const { url, hits } = await target();

  await openConnector(url).call(request({ path: '//evil.example/x' }));

  expect(hits[0]?.path).toBe('//evil.example/x');
});

test('fifty calls under way end at once when their signal aborts, without a warning', async () => {
  const { url, reached } = await target({ kind: 'hang' });
  const connector = openConnector(url, { timeoutMs: 60_000 });
  const stop = new AbortController();
  const warnings: string[] = [];
  const warn = (warning: Error) => void warnings.push(warning.name);
  process.on('warning', warn);
  onTestFinished(() => void process.off('warning', warn));
  const calls = Array.from({ length: 50 }, () =>
    connector.call(request({ signal: stop.signal })).catch((error: unknown) => error),
  );
  await reached(50);

  stop.abort(new Error('shutting down'));

  expect(new Set(await Promise.all(calls))).toEqual(new Set([stop.signal.reason]));
  expect(warnings).toEqual([]);
});

test('a call whose signal is aborted already is not sent', async () => {
  const { url, hits } = await target();
  const stop = new AbortController();
  stop.abort(new Error('over'));

  await expect(openConnector(url).call(request({ signal: stop.signal }))).rejects.toBeInstanceOf(NeverLeft);
  await expect(
    openConnector(url, { concurrency: 1 }).call(request({ signal: stop.signal })),
  ).rejects.toBeInstanceOf(NeverLeft);

  expect(hits).toHaveLength(0);
});
