import { expect, test } from 'vitest';
import { RecordFailure } from '../../src/domain/failure.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import { attemptAt, compiledFlow, importFlow } from './flow-under-test.ts';

async function run(text: string, payload: JsonValue) {
  const { attempt, requests } = attemptAt(payload);
  const result = await compiledFlow(text).run(attempt);
  return { result, request: requests[0], requests };
}

const withTarget = (target: string) => `flow: x\ntarget: { connector: crm-system, ${target} }\n`;

test('a record becomes one call, and the result is the answer', async () => {
  const { result, request } = await run(importFlow, { name: ' Ann ', email: 'A@B.C', company: '' });

  expect(result).toEqual({ status: 201, body: { created: true } });
  expect(request).toMatchObject({
    method: 'POST',
    path: '/api/customers',
    body: { name: 'Ann', email: 'a@b.c', phone: '' },
    idempotencyKey: 'job-1:7:target:r0',
    endpoint: '/api/customers',
    step: 'target',
  });
});

test('a record that does not fit is never sent', async () => {
  const { attempt, requests } = attemptAt({ name: 'Ann' });

  const failure = await Promise.resolve(compiledFlow(importFlow).run(attempt)).catch(
    (error: unknown) => error,
  );

  expect(failure).toBeInstanceOf(RecordFailure);
  expect(failure).toMatchObject({
    failure: {
      class: 'data',
      code: 'required_field_missing',
      message: 'email: source.email is missing, and the field is required',
      step: 'email',
    },
  });
  expect(requests).toEqual([]);
});

test('without a mapping the whole payload is the body', async () => {
  const { request } = await run(withTarget('endpoint: /a'), { a: [1] });

  expect(request).toMatchObject({ method: 'POST', body: { a: [1] } });
});

test('echo returns the mapped record, and without a mapping the record itself', async () => {
  expect((await run('flow: x\ntarget: echo\nmapping: { a: source.b | number }', { b: '1' })).result).toEqual({
    a: 1,
  });
  expect((await run('flow: x\ntarget: { connector: echo }', { b: '1' })).result).toEqual({ b: '1' });
});

test.each([
  ['a b', '/a/a%20b/x'],
  ['../admin', '/a/..%2Fadmin/x'],
  ['?x=1', '/a/%3Fx%3D1/x'],
  ['#top', '/a/%23top/x'],
  ['%2f', '/a/%252f/x'],
  ['//evil.example', '/a/%2F%2Fevil.example/x'],
  ['@evil.example', '/a/%40evil.example/x'],
  ['\r\nX: 1', '/a/%0D%0AX%3A%201/x'],
  ['{{ source.name }}', '/a/%7B%7B%20source.name%20%7D%7D/x'],
  ['ü', '/a/%C3%BC/x'],
  [12, '/a/12/x'],
])('the value %j stays inside its segment', async (id, path) => {
  const { request } = await run(withTarget('endpoint: "/a/{{ source.id }}/x"'), { id });

  expect(request?.path).toBe(path);
});

test.each([undefined, null, '', '  ', []])(
  'without a value for its place in the path (%j) a record fails',
  async (id) => {
    const { attempt, requests } = attemptAt(id === undefined ? {} : { id });

    const run = async () =>
      compiledFlow(withTarget('endpoint: "/a/{{ source.id }}", method: DELETE')).run(attempt);

    await expect(run()).rejects.toBeInstanceOf(RecordFailure);
    expect(requests).toEqual([]);
  },
);

test('pipes work inside the braces', async () => {
  const { request } = await run(withTarget('endpoint: \'/a/{{ source.id | default("}}") | uppercase }}\''), {
    id: 'x',
  });

  expect(request?.path).toBe('/a/X');
});

test('headers and query are filled, and left out without a value', async () => {
  const target =
    'endpoint: /a, headers: { X-Id: "{{ source.id }}", X-None: "{{ source.none }}", X-Fixed: 1 }, query: { q: "a {{ source.id }}" }';

  const { request } = await run(withTarget(target), { id: 'i 1' });

  expect(request?.headers).toEqual({ 'X-Id': 'i 1', 'X-Fixed': '1' });
  expect(request?.query).toEqual({ q: 'a i 1' });
});

test.each(['GET', 'DELETE'])('with %s the mapped fields go to the query', async (method) => {
  const text = `${withTarget(`endpoint: /a, method: ${method}, query: { page: 2 }`)}mapping: { q: source.q, ids: source.ids, none: source.none }`;

  const { request } = await run(text, { q: 'a&b', ids: [1, 2] });

  expect(request).toMatchObject({ method, query: { q: 'a&b', ids: '1,2', page: '2' } });
  expect(request?.body).toBeUndefined();
});

test('an object does not fit into a query', async () => {
  const text = `${withTarget('endpoint: /a, method: GET')}mapping: { q: source.q }`;

  await expect(run(text, { q: { a: 1 } })).rejects.toMatchObject({
    failure: { code: 'query_not_flat', step: 'q' },
  });
});

test('a time limit of the flow reaches the connector', async () => {
  const { request } = await run(withTarget('endpoint: /a, timeout: 5s'), {});

  expect(request?.timeoutMs).toBe(5_000);
});

test.each(['DELETE', 'POST'])(
  'a %s whose path has no value for one of its places is never sent',
  async (method) => {
    const text = withTarget(`method: ${method}, endpoint: "/items/{{ source.id | omit_if_null }}"`);
    const { attempt, requests } = attemptAt({ id: '' });

    await expect(async () => compiledFlow(text).run(attempt)).rejects.toMatchObject({
      failure: {
        class: 'data',
        message: 'the path has no value for {{ source.id | omit_if_null }}',
      },
    });
    expect(requests).toEqual([]);
  },
);

test('a lookup table has its keys as they are written', async () => {
  const text = [
    'flow: x',
    'target: echo',
    'lookups:',
    '  cities: { 01067: Dresden, 10115: Berlin, 1.0: One }',
    'mapping: { city: source.zip | lookup(cities) | default("unknown") }',
  ].join('\n');
  const found = ['01067', '1067', '10115', '1.0', '1'].map(async (zip) => (await run(text, { zip })).result);

  expect(await Promise.all(found)).toEqual(
    ['Dresden', 'unknown', 'Berlin', 'One', 'unknown'].map((city) => ({ city })),
  );
});

test('a list in a query leaves out what is null', async () => {
  const text = `${withTarget('method: GET, endpoint: /a')}mapping: { tags: source.tags }\n`;

  expect((await run(text, { tags: [null, 'a', null, 2] })).request?.query).toEqual({ tags: 'a,2' });
});
