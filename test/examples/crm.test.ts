import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { request } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { refusalOf } from '../../examples/crm/rules.ts';
import { type Trouble, troubleOf } from '../../examples/crm/troubles.ts';
import { type Crm, startCrm } from '../../examples/crm.ts';

const seed = 7;
let crm: Crm | undefined;

afterEach(async () => {
  await crm?.close();
  crm = undefined;
});

async function start(): Promise<Crm> {
  crm = await startCrm({ seed, latencyMs: 0 });
  return crm;
}

async function call(to: Crm, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await request(`${to.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: 'Bearer example-token', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.json() };
}

const add = (to: Crm, airport: object, key: string) =>
  call(to, '/api/airports', airport, { 'idempotency-key': key });

async function remove(from: Crm, id: string) {
  const answer = await request(`${from.url}/api/airports/${id}`, {
    method: 'DELETE',
    headers: { authorization: 'Bearer example-token' },
  });
  await answer.body.dump();
  return { status: answer.statusCode };
}

/** An airport the CRM takes, with the first code that meets this trouble. */
function airportWith(trouble: Trouble | undefined) {
  for (let number = 100; number < 1000; number++) {
    if (troubleOf(`${number}`, seed) === trouble) return airport(`${number}`);
  }
  throw new Error(`no code meets ${trouble}`);
}

const airport = (code: string) => ({ code, name: 'Field', city: 'Perry', latitude: 42.7, longitude: -78 });

test('a new airport is created once, however often its key is sent', async () => {
  const crm = await start();
  const good = airportWith(undefined);

  const first = await add(crm, good, 'key-1');
  const again = await add(crm, good, 'key-1');
  const other = await add(crm, good, 'key-2');

  expect(first).toMatchObject({ status: 201, body: { id: `airport-${good.code}` } });
  expect(again).toMatchObject({ status: first.status, body: first.body });
  expect(other.status).toBe(409);
  expect(await call(crm, '/api/airports/count')).toMatchObject({ body: { count: 1 } });
  expect(crm.airports.conflicts).toBe(1);
});

test('an airport is taken out by the id it was given, once', async () => {
  const crm = await start();
  const good = airportWith(undefined);
  const { body } = await add(crm, good, 'key-1');
  const { id } = body as { id: string };
  crm.airports.endMaintenance();

  const answers = [];
  for (let round = 0; round < 3; round++) answers.push((await remove(crm, id)).status);

  expect(answers.at(-1)).toBe(404);
  expect(answers.filter((status) => status === 200)).toHaveLength(1);
  expect(await call(crm, '/api/airports/count')).toMatchObject({ body: { count: 0 } });
});

test.each([
  ['code', { code: '11IS' }],
  ['code', { code: 'abc' }],
  ['name', { name: 'Port Authority-W 30th St Midtown Heliport' }],
  ['city', { city: 'NA' }],
  ['latitude', { latitude: '42.7' }],
  ['longitude', { longitude: 181 }],
])('an airport with a wrong %s is refused, every time', async (field, wrong) => {
  const crm = await start();
  const bad = { ...airport('ABC'), ...wrong };

  const answers = [await add(crm, bad, 'key-1'), await add(crm, bad, 'key-1')];

  expect(answers.map(({ status }) => status)).toEqual([422, 422]);
  expect(answers[0]?.body).toEqual({ field, message: expect.stringContaining(field) });
  expect(crm.airports.created.size).toBe(0);
});

test.each([
  ['crash', 500, undefined],
  ['throttle', 429, '1'],
] as const)('an airport that meets a %s is taken at the second call', async (trouble, status, retryAfter) => {
  const crm = await start();
  const troubled = airportWith(trouble);

  const first = await add(crm, troubled, 'key-1');
  const second = await add(crm, troubled, 'key-1');

  expect(first.status).toBe(status);
  expect(first.headers['retry-after']).toBe(retryAfter);
  expect(second.status).toBe(201);
});

test('an airport in maintenance is taken only after the maintenance', async () => {
  const crm = await start();
  const closed = airportWith('maintenance');

  const during = [
    await add(crm, closed, 'key-1'),
    await add(crm, closed, 'key-1'),
    await add(crm, closed, 'key-1'),
  ];
  await call(crm, '/maintenance/end', {});
  const after = await add(crm, closed, 'key-1');

  expect(during.map(({ status }) => status)).toEqual([503, 503, 503]);
  expect(after.status).toBe(201);
});

test('callers without the token, and bodies that are no JSON object, are turned away', async () => {
  const crm = await start();

  const stranger = await call(crm, '/api/airports', airport('ABC'), { authorization: 'Bearer wrong' });
  const list = await call(crm, '/api/airports', [airport('ABC')]);

  expect([stranger.status, list.status]).toEqual([401, 400]);
  expect(crm.airports.created.size).toBe(0);
});

test('the airports of the data set meet three refusals and three troubles', async () => {
  const text = await readFile('node_modules/vega-datasets/data/airports.csv');
  const rows: Record<string, string>[] = parse(text, { columns: true });

  const refusals = rows.map((row) => refusalOf({ ...row, code: row.iata, latitude: 0, longitude: 0 })?.field);
  const troubles = rows.map((row) => troubleOf(row.iata ?? '', 1));

  expect(new Set(refusals)).toEqual(new Set([undefined, 'code', 'name', 'city']));
  expect(new Set(troubles)).toEqual(new Set([undefined, 'crash', 'throttle', 'maintenance']));
});
