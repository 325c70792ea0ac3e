import { expect, onTestFinished, test } from 'vitest';
import { type Hit, type Mode, startTarget, status, tooManyRequests } from '../../support/target.ts';
import { problemsIn, resultOf, run } from './run-flow.ts';

async function target(answer?: (hit: Hit) => Mode) {
  const started = await startTarget(answer === undefined ? {} : { answer });
  onTestFinished(() => started.close());
  return started;
}

const step = (settings: string) => `steps:\n  - { name: call, type: http_request, ${settings} }\n`;
const crm = (url: string, more = '') =>
  `crm: { type: http, base_url: "${url}/v1", allow_private: true${more} }`;

test('calls a declared connector; places in the path are encoded one by one', async () => {
  const { url, hits } = await target();
  const flow = step(
    'connector: crm, path: "/people/{{ record.id }}?q={{ record.q }}", query: { a: "{{ record.n }}", b: null }',
  );

  const result = await resultOf(flow, { id: '../admin?x=1#', q: 'a&b', n: 2 }, { connectors: crm(url) });

  expect(hits.map(({ method, path }) => [method, path])).toEqual([
    ['GET', '/v1/people/..%2Fadmin%3Fx%3D1%23?q=a%26b&a=2'],
  ]);
  expect(result).toMatchObject({ status: 200, body: { ok: true } });
});

test('a body makes it a POST of JSON with an idempotency key', async () => {
  const { url, hits } = await target();
  const flow = step(
    'connector: crm, path: /people, body: { name: "{{ record.name }}", raw: "{{ record }}" }',
  );

  await resultOf(flow, { name: 'Ann' }, { connectors: crm(url) });

  expect(hits[0]).toMatchObject({
    method: 'POST',
    body: { name: 'Ann', raw: { name: 'Ann' } },
    headers: { 'idempotency-key': '0190-job:7:call:r0', 'content-type': 'application/json' },
  });
});

test('response makes the result out of the answer', async () => {
  const { url } = await target(() => ({ kind: 'ok', body: { id: 9, name: 'Ann' } }));
  const flow = step(
    'connector: crm, path: /, response: { id: response.body.id, ok: response.status, was: record.name }',
  );

  expect(await resultOf(flow, { name: 'B' }, { connectors: crm(url) })).toEqual({ id: 9, ok: 200, was: 'B' });
});

test('success_codes decide what counts as success', async () => {
  const { url } = await target(() => status(404, { message: 'none' }));
  const flow = (codes: string) => step(`connector: crm, path: /x, success_codes: ${codes}`);

  expect(await resultOf(flow('[404]'), {}, { connectors: crm(url) })).toMatchObject({
    status: 404,
    body: { message: 'none' },
  });
  expect(await resultOf(flow('["2xx", "4XX"]'), {}, { connectors: crm(url) })).toMatchObject({ status: 404 });
  const { failure } = await run(flow('[200]'), {}, { connectors: crm(url) });
  expect(failure).toMatchObject({ class: 'data', code: 'http_404', step: 'call', untrustedMessage: 'none' });
});

test('a whole URL may be written instead of a connector', async () => {
  const { url, hits } = await target();

  await resultOf(step(`url: "${url}/users/{{ item.id }}", method: delete`), { id: 'a/b' });

  expect(hits.map(({ method, path }) => [method, path])).toEqual([['DELETE', '/users/a%2Fb']]);
});

test('environment variables fill headers, and are masked wherever the answer repeats them', async () => {
  const { url, hits } = await target((hit) => ({
    kind: 'ok',
    body: { sent: hit.headers.authorization ?? '' },
  }));
  const flow = step(`url: "${url}/x", headers: { Authorization: "Bearer {{ env.API_TOKEN }}" }`);

  const result = await resultOf(flow, {}, { env: { API_TOKEN: 'S3CR3T-77' } });

  expect(hits[0]?.headers.authorization).toBe('Bearer S3CR3T-77');
  expect(result).toMatchObject({ body: { sent: 'Bearer [secret]' } });
});

test('auth takes its secrets from the environment', async () => {
  const { url, hits } = await target();

  await resultOf(
    step(`url: "${url}/x", auth: { type: bearer, token_env: API_TOKEN }`),
    {},
    { env: { API_TOKEN: 'tok-1234' } },
  );

  expect(hits[0]?.headers.authorization).toBe('Bearer tok-1234');
});

test('a URL of one place leads only to the hosts that the step or the list of its loop names', async () => {
  const { url, hits } = await target();
  const { host } = new URL(url);
  const named = step(`url: "{{ record.url }}", hosts: ["${host}"]`);

  expect(await resultOf(named, { url: `${url}/a?b=1` })).toMatchObject({ status: 200 });
  for (const bad of [
    'http://evil.example/a',
    `http://user:pw@${host}/`,
    `ftp://${host}/`,
    'file:///etc/passwd',
    'nonsense',
    `http://${host}.evil.example/`,
    7,
  ]) {
    expect((await run(named, { url: bad })).failure?.code).toBe('url_not_allowed');
  }
  const masked = await run(named, { url: `http://${host}@evil.example/` });
  expect(masked.failure?.message).toContain('a user name or a password before its host');
  const literal = `steps:\n  - type: batch\n    items: ["${url}/1", "${url}/2"]\n    task: { type: http_request, url: "{{ item }}" }\n`;
  expect(await resultOf(literal)).toMatchObject({ stats: { processed: 2, failed: 0 } });
  expect(hits.map(({ path }) => path)).toEqual(['/a?b=1', '/1', '/2']);
});

test('the host may come from the environment, never from a record', async () => {
  const { url, hits } = await target();

  await resultOf(
    step('url: "{{ env.BASE }}/v2/{{ record.id }}"'),
    { id: 'x/y' },
    { env: { BASE: `${url}/api/` } },
  );

  expect(hits[0]?.path).toBe('/api/v2/x%2Fy');
  expect(problemsIn(step('url: "https://{{ record.host }}/x"'))).toEqual([
    expect.stringContaining('url has a place in its host, which a record never fills'),
  ]);
  expect(problemsIn(step('url: "{{ record.url }}"'))).toEqual([
    expect.stringContaining('url leaves the host to the record; name the hosts it may lead to'),
  ]);
});

test.each([
  ['{{ env.HOOK }}', '/services/T0/B0?key=a%2Fb', '/services/T0/B0?key=a%2Fb'],
  ['{{ env.HOOK }}', '', '/'],
  ['{{ env.HOOK }}/rooms/{{ record.id }}', '/v1/?key=k', '/v1/rooms/x%2Fy?key=k'],
  ['{{ env.HOOK }}/rooms?id={{ record.id }}', '/v1?key=k', '/v1/rooms?id=x%2Fy&key=k'],
])('the URL %s keeps the path and the query of the variable: %s', async (written, given, path) => {
  const { url, hits } = await target();

  await resultOf(step(`url: "${written}", body: {}`), { id: 'x/y' }, { env: { HOOK: url + given } });

  expect(hits.map((hit) => hit.path)).toEqual([path]);
});

test('a value that a path misses is named by its place', async () => {
  const { url, hits } = await target();
  const flow = step(`url: "${url}/a/{{ record.a }}/{{ record.b.c }}"`);

  const { failure } = await run(flow, { a: 1, b: { c: null } });

  expect(failure).toMatchObject({ code: 'url_not_allowed' });
  expect(failure?.message).toContain('the path has no value for {{ record.b.c }}');
  expect(hits).toEqual([]);
});

test.each(['', ' ', '\t'])('a path with %j in the place of a value is never sent', async (id) => {
  const { url, hits } = await target();

  const { failure } = await run(step(`url: "${url}/users/{{ record.id }}"`), { id });

  expect(failure).toMatchObject({ class: 'data', code: 'url_not_allowed' });
  expect(failure?.message).toContain('the path has no value for {{ record.id }}');
  expect(hits).toEqual([]);
});

test('addresses that are not public are refused unless the operator allows them', async () => {
  const { url, hits } = await target();

  const { failure } = await run(step(`url: "${url}/x"`), {}, { allowPrivateHosts: false });

  expect(failure?.code).toBe('host_not_allowed');
  expect(hits).toEqual([]);
});

test.each([['a\r\nX-Evil: 1'], ['nul\u0000'], ['日本']])(
  'the header value %j never reaches the target',
  async (value) => {
    const { url, hits } = await target();

    const { failure } = await run(step(`url: "${url}/x", headers: { X-Name: "{{ record.v }}" }`), {
      v: value,
    });

    expect(failure).toMatchObject({ class: 'data', code: 'header_not_allowed' });
    expect(hits).toEqual([]);
  },
);

test('the time limit of the step ends a call that hangs', async () => {
  const { url } = await target(() => ({ kind: 'hang' }));

  const { failure } = await run(
    `steps:\n  - { name: call, type: http_request, url: "${url}/x", method: POST, timeout: 200ms }\n`,
  );

  expect(failure).toMatchObject({ class: 'transient', code: 'timeout', maybeApplied: true, step: 'call' });
});

test('a call that waits for its turn loses no time of the step, and has not been sent', async () => {
  const { url } = await target();
  const flow = step(
    'for_each: [1, 2], max_parallel: 2, connector: crm, path: /x, method: POST, timeout: 200ms',
  );

  const { failure } = await run(flow, {}, { connectors: crm(url, ', rate: 1/s') });

  expect(failure).toBeUndefined();
});

test.each([
  ['', 422, { class: 'data', code: 'http_422', maybeApplied: true }],
  [', retry_lost_answers: false', 503, { class: 'interrupted', code: 'answer_lost', maybeApplied: true }],
])(
  'what a call of a loop lost is not forgotten because another failed first%s',
  async (more, code, expected) => {
    const { url } = await target(({ path }) => (path.endsWith('/1') ? status(code) : { kind: 'reset' }));
    const flow = step('for_each: [1, 2], max_parallel: 2, connector: crm, path: "/{{ item }}", method: POST');

    const { failure } = await run(flow, {}, { connectors: crm(url, more) });

    expect(failure).toMatchObject(expected);
  },
);

test('a batch of which one call was lost says so, and waits as long as any was asked to', async () => {
  const { url } = await target(({ path }) => (path.endsWith('/1') ? tooManyRequests(9) : { kind: 'reset' }));
  const task = '{ type: http_request, connector: crm, path: "/{{ item }}", method: POST }';
  const flow = `steps:\n  - { type: batch, items: [1, 2], task: ${task} }\n`;

  const { failure } = await run(flow, {}, { connectors: crm(url, ', adaptive: false') });

  expect(failure).toMatchObject({ class: 'transient', maybeApplied: true, retryAfterMs: 9000 });
});

test('a later step sees the whole of a large answer', async () => {
  const customers = Array.from({ length: 5000 }, (_, id) => ({ id, name: `customer number ${id}` }));
  const { url } = await target(() => ({ kind: 'ok', body: { customers } }));
  const flow = `${step(`url: "${url}/all"`)}  - { type: echo, message: "{{ steps.call.result.body.customers | size }}" }\n`;

  expect(await resultOf(flow)).toBe(5000);
});
