import { afterAll, expect, test as pure } from 'vitest';
import { createRateLimits } from '../../src/http/rate-limit.ts';
import { test } from '../support/database.ts';
import { type Served, serve } from '../support/http.ts';
import { connectRemote } from '../support/http-client.ts';

const flow = 'flow: echo-all\nversion: 1\ntarget: { connector: echo }\n';

let served: Served;
test.beforeEach(async ({ address }) => {
  served ??= await serve(address, { env: { SLUICE_RATE_LIMIT: '100/h' }, flows: { 'echo-all.yaml': flow } });
});
afterAll(async () => {
  await served?.stop();
});

const rows = (count: number, from = 0) => Array.from({ length: count }, (_, n) => ({ n: from + n }));
let rowsSoFar = 0;

/** Starts a batch of rows that no other batch has. */
function start(token: string | undefined, count: number, more: object = {}) {
  rowsSoFar += count;
  return served.request('/api/v1/batches', {
    method: 'POST',
    body: { flow_id: 'echo-all', records: rows(count, rowsSoFar), ...more },
    ...(token === undefined ? {} : { token }),
  });
}

async function owner(name: string) {
  served.write(`owners/${name}/flows/echo-all.yaml`, flow);
  return served.tokenOf(name);
}

const told = ({ headers }: Response) =>
  ['limit', 'remaining', 'reset'].map((word) => Number(headers.get(`ratelimit-${word}`)));

test('records count, whatever request brings them, and each caller has a limit of their own', async () => {
  const [ada, bob] = [await owner('ada'), await owner('bob')];

  const first = await start(ada, 60, { idempotency_key: 'again' });
  const over = await start(ada, 41);
  const { call, close } = await connectRemote(served.url, ada);
  const overMcp = await call('start_batch', { flow_id: 'echo-all', records: rows(41, 5000) }).catch(String);
  const fits = await call('start_batch', { flow_id: 'echo-all', records: rows(40, 6000) });
  const anothers = await start(bob, 100);
  await close();

  expect([first.status, over.status, anothers.status]).toEqual([201, 429, 201]);
  expect(fits.total).toBe(40);
  expect(told(first)).toEqual([100, 40, 3600]);
  expect(told(over).slice(0, 2)).toEqual([100, 40]);
  expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(3500);
  expect(await over.json()).toMatchObject({
    status: 429,
    code: 'rate_limited',
    detail: expect.stringContaining('Nothing was started'),
  });
  expect(overMcp).toMatch(/100 records in 3600 seconds.*\[rate_limited\]/);
});

test('what starts nothing costs nothing: questions, refusals, and starts that are only repeated', async () => {
  const eve = await owner('eve');
  const batch = { flow_id: 'echo-all', records: rows(30, 9000), idempotency_key: 'one' };
  const post = (body: object) =>
    served.request('/api/v1/batches', { method: 'POST', body: body as never, token: eve });

  const first = await post(batch);
  const again = await post(batch);
  const refused = await post({ flow_id: 'missing', records: rows(50) });
  const listed = await served.request('/api/v1/batches', { token: eve });

  expect([first, again, refused, listed].map(({ status }) => status)).toEqual([
    201,
    expect.any(Number),
    404,
    200,
  ]);
  expect(told(listed)[1]).toBe(70);
});

test('starts with one key at once cost what one costs, and a retry of nothing costs nothing', async () => {
  const uma = await owner('uma');
  const batch = { flow_id: 'echo-all', records: rows(15, 20_000), idempotency_key: 'at once' };
  const post = (path: string, body: object) =>
    served.request(path, { method: 'POST', body: body as never, token: uma });

  const starts = await Promise.all(Array.from({ length: 5 }, () => post('/api/v1/batches', batch)));
  const ids = await Promise.all(
    starts.map(async (start) => ((await start.json()) as { batch_job_id: string }).batch_job_id),
  );
  const address = `/api/v1/batches/${ids[0]}`;
  await served.json(`${address}?wait_seconds=20`, { token: uma });
  const retry = await post(`${address}/retry`, {});

  expect(starts.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 201]);
  expect(new Set(ids).size).toBe(1);
  expect([retry.status, told(retry)[1]]).toEqual([409, 85]);
});

test('more than the limit ever allows is told so, without a time to wait for', async () => {
  const joe = await owner('joe');

  const answer = await start(joe, 101);

  expect(answer.status).toBe(429);
  expect(answer.headers.has('retry-after')).toBe(false);
  expect(await answer.text()).toMatch(/Send fewer at once, or a file as source/);
});

test('the operator has no limit', async () => {
  const answers = [await start(undefined, 150), await start(undefined, 150)];

  expect(answers.map(({ status }) => status)).toEqual([201, 201]);
  expect(answers[0]?.headers.has('ratelimit-limit')).toBe(false);
});

pure('no window of the rate’s length holds more than it says, wherever it begins', () => {
  let now = 0;
  const limits = createRateLimits({ count: 50, windowMs: 1000 }, () => now);
  const passed: { at: number; records: number }[] = [];

  for (; now < 20_000; now += 7) {
    const records = 1 + ((now * 31) % 11);
    try {
      limits.spend('ada', records);
      passed.push({ at: now, records });
    } catch {}
  }

  const fullest = passed.map(({ at: from }) =>
    passed.filter(({ at }) => at >= from && at < from + 1000).reduce((sum, { records }) => sum + records, 0),
  );
  expect(Math.max(...fullest)).toBeLessThanOrEqual(50);
  const all = passed.reduce((sum, { records }) => sum + records, 0);
  expect(all).toBeGreaterThan(50 * 20 * 0.9);
});

pure('who stays below the limit is never shut out, however steadily the calls come', () => {
  let now = 0;
  const limits = createRateLimits({ count: 600, windowMs: 60_000 }, () => now);

  for (; now < 30 * 60_000; now += 500) expect(() => limits.spend('ada', 1)).not.toThrow();
});

pure('what is given back is free again, and nothing else', () => {
  const limits = createRateLimits({ count: 10, windowMs: 60_000 });
  limits.spend('ada', 4);
  const giveBack = limits.spend('ada', 6);
  giveBack();
  const left = limits.left('ada').remaining;
  limits.spend('bob', 1)();

  expect(left).toBe(6);
  expect(limits.left('bob')).toEqual({ limit: 10, remaining: 10, resetMs: 0 });
});

pure('whoever waits as long as they were told gets through, and nobody is kept for ever', () => {
  let now = 0;
  const limits = createRateLimits({ count: 10, windowMs: 60_000 }, () => now);
  limits.spend('ada', 4);
  now = 20_000;
  limits.spend('ada', 6);
  const refused = (() => {
    try {
      limits.spend('ada', 3);
    } catch (error) {
      return (error as { retryAfterMs: number }).retryAfterMs;
    }
  })();

  now += refused ?? 0;
  limits.spend('ada', 3);

  expect(refused).toBe(40_000);
  expect(limits.left('ada')).toEqual({ limit: 10, remaining: 1, resetMs: 60_000 });
});
