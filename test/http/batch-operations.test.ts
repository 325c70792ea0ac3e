import { chmodSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { checkInput } from '../../src/operations/check-input.ts';
import { retryBatchFailedRecords } from '../../src/operations/retry-batch-failed-records.ts';
import { test, urlOf } from '../support/database.ts';
import { type Served, serve } from '../support/http.ts';
import { ok, startTarget, status, type Target } from '../support/target.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by what a test expects of them
type Answer = any;

let crm: Target;
let served: Served;

const connectors = (url: string) => `
crm:
  type: http
  base_url: ${url}/base
  headers: { X-Team: ops }
  allow_private: true
  batch:
    allow: [POST /users, GET /users/*, PATCH /users/*]
closed:
  type: http
  base_url: ${url}
  allow_private: true
secretive:
  type: http
  base_url: ${url}
  allow_private: true
  auth: { type: bearer, token_env: NOT_SET_ANYWHERE }
  batch: { allow: [POST /users] }
shop:
  type: sql
  url_env: SHOP_URL
  allow_private: true
  batch:
    allow: [POST /people, PATCH /people/*, GET /people/*, DELETE /people/*]
`;

beforeAll(async () => {
  crm = await startTarget({
    answer({ id, path }) {
      if (String(id).startsWith('bad')) return status(422, { message: 'no such plan' });
      if (String(id).startsWith('down')) return status(503);
      return path.includes('slow') ? { kind: 'ok', delayMs: 1500 } : ok;
    },
  });
});
afterAll(async () => {
  await served?.stop();
  await crm.close();
});

test.beforeEach(async ({ address }) => {
  served ??= await serve(address, { flows: { 'connectors.yaml': connectors(crm.url) } });
  served.write('secrets.env', `SHOP_URL=${urlOf(address)}\n`);
  chmodSync(`${served.home}/secrets.env`, 0o600);
});

const user = (id: string) => ({ id, method: 'POST', path: '/users', body: { id, name: 'Ada' } });
const users = (count: number, prefix = 'u') => Array.from({ length: count }, (_, n) => user(`${prefix}${n}`));

async function batch(operations: readonly JsonValue[], more: Record<string, JsonValue> = {}) {
  const response = await served.request('/batch', {
    method: 'POST',
    body: { connector: 'crm', operations, ...more },
  });
  return { code: response.status, headers: response.headers, body: (await response.json()) as Answer };
}

test('few operations are answered in the response, in the order they came', async () => {
  const { code, body } = await batch([user('a'), { method: 'get', path: '/users/a?full=1' }, user('c')]);

  expect(code).toBe(200);
  expect(body).toMatchObject({ status: 'completed', total: 3, succeeded: 3, failed: 0 });
  expect(body.summary).toEqual({ total: 3, succeeded: 3, failed: 0 });
  expect(body.results).toEqual([
    { index: 0, id: 'a', status: 200, result: { ok: true, id: 'a' } },
    { index: 1, id: null, status: 200, result: { ok: true, id: null } },
    { index: 2, id: 'c', status: 200, result: { ok: true, id: 'c' } },
  ]);
  expect(crm.hits.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
    'GET /base/users/a?full=1',
    'POST /base/users',
    'POST /base/users',
  ]);
});

test('an operation that fails leaves the others alone: 207, and each says what it came to', async () => {
  const { code, body } = await batch([user('d'), user('bad-1'), user('e')]);
  const all = await batch([user('bad-2'), user('bad-3')]);

  expect(code).toBe(207);
  expect(body).toMatchObject({ status: 'completed', summary: { total: 3, succeeded: 2, failed: 1 } });
  expect(body.results.map((each: { status: number }) => each.status)).toEqual([200, 422, 200]);
  expect(body.results[1]).toEqual({
    index: 1,
    id: 'bad-1',
    status: 422,
    error: {
      class: 'data',
      code: 'http_422',
      message: 'crm answered 422 to POST /users',
      untrusted_message: 'no such plan',
    },
  });
  expect(all).toMatchObject({ code: 207, body: { status: 'failed', summary: { succeeded: 0, failed: 2 } } });
});

test('a target that is down makes every operation fail once, at ten at a time, and nothing waits for it', async () => {
  const before = crm.hits.length;

  const { code, body } = await batch(users(40, 'down'));

  expect(code).toBe(207);
  expect(body.summary).toEqual({ total: 40, succeeded: 0, failed: 40 });
  expect(crm.hits.length - before).toBe(40);
  expect(crm.peakInFlight).toBeLessThanOrEqual(10);
});

test('everything wrong is said at once, with its place, and nothing is sent', async () => {
  const before = crm.hits.length;
  const get = (path: string) => ({ method: 'GET', path });

  const { code, headers, body } = await batch([
    user('x'),
    user('x'),
    { id: 'del', method: 'DELETE', path: '/users/1' },
    get('/users/../admin'),
    get('/users/%2e%2e'),
    get('/users/a%2fb'),
    get('/users/%252e'),
    get('//users/1'),
    get('http://elsewhere.example/users/1'),
    { ...get('/users/1'), body: {} },
    { ...user('h'), headers: { Authorization: 'Bearer x', 'X-A': 'b\r\nX-C: d' } },
    { ...user('t'), headers: { 'x-team': 'others' } },
    { method: 'POST', pth: '/users' },
    'no operation',
  ]);

  expect(code).toBe(400);
  expect(headers.get('content-type')).toBe('application/problem+json');
  expect(body).toMatchObject({
    code: 'invalid_input',
    detail: expect.stringContaining('Nothing was started'),
  });
  expect(body.errors.map(({ index }: { index: number }) => index)).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 11, 12, 12, 13,
  ]);
  expect(body.errors[0]).toEqual({
    index: 1,
    id: 'x',
    field: 'id',
    message: 'is that of operation 0 as well',
  });
  expect(body.errors[1]).toMatchObject({
    id: 'del',
    message: 'DELETE /users/1 is not offered by the connector',
  });
  expect(crm.hits.length).toBe(before);
});

test('an operation with any number of names that nobody knows is answered with the first ones', async () => {
  const names = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`u${n}`, 1]));

  const { code, body } = await batch([{ ...user('many'), ...names }]);

  expect(code).toBe(400);
  expect(body.errors).toHaveLength(8);
  expect(body.errors[0]).toEqual({ index: 0, id: 'many', field: 'u0', message: 'is not known' });
});

test('a connector that offers nothing, lacks its secret or is not there is refused', async () => {
  const codes = ['closed', 'secretive', 'crn', 'webhooks'].map(async (connector) => {
    const { code, body } = await batch([user('a')], { connector });
    return [code, body.code, body.detail];
  });

  expect(await Promise.all(codes)).toEqual([
    [400, 'connector_invalid', expect.stringContaining('offers operations')],
    [400, 'connector_invalid', expect.stringContaining('NOT_SET_ANYWHERE')],
    [400, 'connector_invalid', expect.stringContaining('Did you mean crm?')],
    [400, 'connector_invalid', expect.stringContaining('batch: { allow: [POST /users] }')],
  ]);
});

test('more than a hundred are accepted and followed by their address; more than a thousand are too many', async () => {
  const { code, headers, body } = await batch([...users(118), user('bad-4'), user('bad-5')]);
  const atMost = await batch(users(100, 'most'));
  const tooMany = await batch(users(1001));

  expect(code).toBe(202);
  expect(body).toMatchObject({
    status: 'processing',
    total: 120,
    statusUrl: `/batch/${body.batchId}/status`,
  });
  expect(headers.get('location')).toBe(body.statusUrl);
  await expect
    .poll(() => served.json(body.statusUrl))
    .toEqual({
      batchId: body.batchId,
      status: 'completed',
      total: 120,
      completed: 118,
      failed: 2,
      progress: 1,
      resultsUrl: body.resultsUrl,
    });
  const page = await served.json(`${body.resultsUrl}?after=116&limit=2`);
  expect(page.results).toMatchObject([
    { id: 'u117', status: 200 },
    { id: 'bad-4', status: 422 },
  ]);
  expect(page.moreAfter).toBe(118);
  expect(atMost).toMatchObject({ code: 200, body: { summary: { succeeded: 100 } } });
  expect(tooMany).toMatchObject({ code: 413, body: { code: 'too_many_operations' } });
});

test('a batch that takes longer than the response may wait is answered later, and seen by nobody else', async () => {
  const stranger = await served.tokenOf('eve');
  const operations = [user('f'), { id: 's', method: 'GET', path: '/users/slow' }];

  const { code, body } = await batchWaiting(operations, 'wait=1');
  const during = await served.json(body.statusUrl);
  const foreign = await served.request(body.statusUrl, { token: stranger });
  const missing = await served.request(`/batch/${unknown}/status`);

  expect(code).toBe(202);
  expect(during).toMatchObject({ status: 'processing', total: 2, completed: 1, failed: 0, progress: 0.5 });
  expect(foreign.status).toBe(404);
  expect(missing.status).toBe(404);
  expect(await detailOf(foreign)).toBe((await detailOf(missing)).replace(unknown, body.batchId));
  await expect.poll(() => served.json(body.statusUrl)).toMatchObject({ status: 'completed' });
});

const unknown = '00000000-0000-7000-8000-000000000000';
const detailOf = async (response: Response) => ((await response.json()) as Answer).detail as string;

async function batchWaiting(operations: readonly JsonValue[], prefer: string) {
  const response = await served.request('/batch', {
    method: 'POST',
    headers: { prefer },
    body: { connector: 'crm', operations },
  });
  return { code: response.status, body: (await response.json()) as Answer };
}

test('a server that ends tells those who wait where to ask, and another carries out the rest', async ({
  address,
}) => {
  const ending = await serve(address, { flows: { 'connectors.yaml': connectors(crm.url) } });
  const slow = ['/users/slow-1', '/users/slow-2'].map((path) => ({ method: 'GET', path }));
  const body = { connector: 'crm', operations: slow, concurrency: 1 };
  const beforehand = crm.hits.length;

  const asking = ending.request('/batch', { method: 'POST', body });
  await crm.reached(beforehand + 1);
  await ending.stop();
  const accepted = await asking;
  const { statusUrl } = (await accepted.json()) as Answer;

  expect(accepted.status).toBe(202);
  await expect.poll(() => served.json(statusUrl)).toMatchObject({ status: 'completed', total: 2 });
});

test('the status of a batch takes no parameters', async () => {
  const { body } = await batch([user('plain')]);

  const refused = await served.request(`/batch/${body.batchId}/status?x=1`);

  expect(refused.status).toBe(400);
  expect(await detailOf(refused)).toBe(
    'There is no query parameter x (there are none). Nothing was changed.',
  );
});

test('a record that is too large is told so in one sentence', async () => {
  const { code, body } = await batch([{ ...user('large'), body: 'x'.repeat(2_000_000) }]);

  expect(code).toBe(400);
  expect(body.detail).toMatch(
    /^operations\[0\] has \d+ bytes as JSON; at most \d+ are allowed\. Nothing was/,
  );
});

test('results are asked for by what there is to ask', async () => {
  const { body } = await batch([user('asked')]);
  const address = `/batch/${body.batchId}/results`;

  const refused = await Promise.all(
    ['?limit=x', '?limit=1001', '?page=2'].map((q) => served.request(address + q)),
  );

  expect(refused.map(({ status: code }) => code)).toEqual([400, 400, 400]);
  expect(await Promise.all(refused.map(detailOf))).toEqual([
    'The query parameter limit has to be a number. Nothing was changed.',
    'get_operations: limit: must be at most 1000. Nothing was changed.',
    expect.stringContaining('there are after, limit'),
  ]);
});

test('what is offered counts when an operation is carried out, whatever a repair makes of it', async () => {
  const { body } = await batchWaiting([user('bad-7')], 'wait=10');
  const before = crm.hits.length;
  const context = served.sluice.context({ signal: new AbortController().signal });
  const given = { batch_job_id: body.batchId, patch: { set: { path: '"/admin"' } } };

  await retryBatchFailedRecords.run(context, checkInput(retryBatchFailedRecords, given));
  const results = () => served.json(`/batch/${body.batchId}/results`);

  expect(body).toMatchObject({ status: 'failed' });
  await expect
    .poll(results)
    .toMatchObject({ results: [{ status: 422, error: { code: 'operation_not_offered' } }] });
  expect(crm.hits.length).toBe(before);
});

test('a key starts a batch once, and the answer is the same again', async () => {
  const once = { method: 'POST', headers: { 'idempotency-key': 'k1' } };
  const body = { connector: 'crm', operations: [user('g')] };
  const before = crm.hits.length;

  const first = await served.json('/batch', { ...once, body });
  const second = await served.json('/batch', { ...once, headers: { 'idempotency-key': '"k1"' }, body });
  const torn = await served.request('/batch', { ...once, body: { ...body, idempotency_key: 'k2' } });

  expect(second).toEqual(first);
  expect([torn.status, await torn.text()]).toEqual([
    400,
    expect.stringContaining('idempotency_key stands in'),
  ]);
  expect(crm.hits.length).toBe(before + 1);
});

test('in a database few operations are one transaction, in which one that fails undoes nothing else', async ({
  db,
}) => {
  await db.run(
    (sql) => sql`
      create table people (
        id int primary key, name text not null, born date, tags jsonb, tx xid8 default pg_current_xact_id())`,
  );
  const post = (body: JsonValue) => ({ method: 'POST', path: '/people', body });

  const { code, body } = await batch(
    [
      { id: 'a', ...post({ id: 1, name: 'Ada', born: '1815-12-10', tags: ['x'] }) },
      { id: 'twice', ...post({ id: 1, name: 'Eve' }) },
      post({ id: 2, name: "'); drop table people; --" }),
      post({ id: 3 }),
      { method: 'PATCH', path: '/people/2', body: { name: 'Bob' } },
      { method: 'DELETE', path: '/people/99' },
      { method: 'GET', path: '/people/1' },
      post({ id: 4, nonsense: true }),
    ],
    { connector: 'shop' },
  );
  const rows = await db.run((sql) => sql`select id, name, tx::text from people order by id`);

  expect(code).toBe(207);
  expect(body.results.map((each: { status: number }) => each.status)).toEqual([
    200, 409, 200, 422, 200, 404, 200, 422,
  ]);
  expect(body.results[1].error).toMatchObject({ code: 'unique_violation', class: 'conflict' });
  expect(body.results[4].result).toMatchObject({ id: 2, name: 'Bob' });
  expect(body.results[6].result).toMatchObject({ id: 1, born: '1815-12-10', tags: ['x'] });
  expect(rows.map(({ id, name }) => [id, name])).toEqual([
    [1, 'Ada'],
    [2, 'Bob'],
  ]);
  expect(new Set(rows.map(({ tx }) => tx)).size).toBe(1);
});

test('a hundred rows are one transaction, more of them one each, and no name of a call is read as SQL', async ({
  db,
}) => {
  await db.run(
    (
      sql,
    ) => sql`create table if not exists people (id int primary key, name text not null, born date, tags jsonb,
      tx xid8 default pg_current_xact_id())`,
  );
  const people = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => ({
      method: 'POST',
      path: '/people',
      body: { id: from + n, name: 'x' },
    }));

  const few = await batch(people(1000, 100), { connector: 'shop' });
  const many = await batch(people(2000, 101), { connector: 'shop' });
  const wrong = await batch(
    [
      { method: 'POST', path: '/people', body: { 'id") select 1 --': 1 } },
      { method: 'POST', path: '/people?x=1', body: { id: 1 } },
      { method: 'PATCH', path: '/people/1' },
    ],
    { connector: 'shop' },
  );
  await expect
    .poll(() => served.json(many.body.statusUrl))
    .toMatchObject({ status: 'completed', completed: 101, failed: 0 });
  const spans = await db.run(
    (sql) => sql<{ few: number; many: number }[]>`
      select count(distinct tx) filter (where id between 1000 and 1999)::int as few,
        count(distinct tx) filter (where id >= 2000)::int as many from people`,
  );

  expect(few).toMatchObject({ code: 200, body: { summary: { succeeded: 100, failed: 0 } } });
  expect(spans).toMatchObject([{ few: 1, many: 101 }]);
  expect(wrong).toMatchObject({ code: 400, body: { errors: [{ index: 0 }, { index: 1 }, { index: 2 }] } });
});
