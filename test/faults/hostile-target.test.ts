import { expect, onTestFinished } from 'vitest';
import type { Database } from '../../src/store/database.ts';
import { test } from '../support/database.ts';
import { connect } from '../support/mcp.ts';
import {
  type Answer,
  fullestWindow,
  type Hit,
  ok,
  script,
  startTarget,
  status,
  tooManyRequests,
} from '../support/target.ts';

const flow = (retry: string, more = '') =>
  [
    'flow: push',
    `target: { connector: crm, endpoint: /api/people${more} }`,
    'mapping:',
    '  id: source.id',
    '  plan: source.plan',
    `on_error: { retry: "${retry}", then: log }`,
    '',
  ].join('\n');

const busyOk = { kind: 'ok', delayMs: 4 } as const;

interface Setting {
  readonly answer: Answer;
  readonly flow: string;
  /** Keys of the connector. */
  readonly connector?: string;
}

/** A target with a script, and a server whose flow `push` calls it. */
async function setUp(db: Database, { answer, flow, connector = '' }: Setting) {
  const target = await startTarget({ answer });
  const crm = `{ type: http, base_url: "${target.url}", allow_private: true${connector} }`;
  const mcp = await connect(db, { 'push.yaml': flow, 'connectors.yaml': `crm: ${crm}` });
  onTestFinished(async () => {
    await mcp.close();
    await target.close();
  });
  const start = async (count: number, more: object = {}): Promise<string> => {
    const records = Array.from({ length: count }, (_, id) => ({ id, plan: id % 5 === 3 ? 'gold' : 'basic' }));
    return (await mcp.call('start_batch', { flow_id: 'push', records, concurrency: 20, ...more }))
      .batch_job_id;
  };
  return { target, mcp, start };
}

const withStatus = (hits: readonly Hit[], code: number) => hits.filter(({ status }) => status === code);

test('a target that is down for a while sees a handful of calls, and nothing is lost', async ({ db }) => {
  const { target, mcp, start } = await setUp(db, {
    flow: flow('3x exponential(50ms)'),
    connector: ', circuit: { probe: 300ms, max_probe: 600ms }',
    answer: script(
      { fromMs: 0, answer: () => busyOk },
      { fromMs: 60, answer: () => status(503) },
      { fromMs: 2_000, answer: () => busyOk },
    ),
  });

  const id = await start(500);
  const done = await mcp.finish(id);

  expect(done).toMatchObject({ status: 'completed', counts: { succeeded: 500 } });
  expect([...target.effects.values()].every((count) => count === 1)).toBe(true);
  // Those under way when it went down and their successors, and a probe now and then.
  expect(withStatus(target.hits, 503).length).toBeGreaterThan(5);
  expect(withStatus(target.hits, 503).length).toBeLessThanOrEqual(2 * 20 + 8);
});

test('a target that refuses connections is waited for as well', async ({ db }) => {
  const { target, mcp, start } = await setUp(db, {
    flow: flow('3x exponential(50ms)'),
    connector: ', circuit: { probe: 200ms, max_probe: 300ms }',
    answer: () => busyOk,
  });

  const id = await start(300);
  await target.reached(60);
  await target.refuse();
  await expect
    .poll(async () => (await mcp.call('get_batch_status', { batch_job_id: id })).status, { timeout: 15_000 })
    .toBe('paused');
  const paused = await mcp.call('get_batch_status', { batch_job_id: id });
  await target.accept();
  const done = await mcp.finish(id);

  expect(JSON.stringify(paused.waiting_for)).toContain('crm');
  expect(done.counts).toMatchObject({ succeeded: 300, failed: 0 });
});

test('a storm of 429 costs a few calls, holds the others back, and every record gets through', async ({
  db,
}) => {
  let most = 20;
  const { target, mcp, start } = await setUp(db, {
    flow: flow('5x exponential(100ms)'),
    answer: (_, inFlight) => (inFlight > most ? tooManyRequests(1) : busyOk),
  });

  const id = await start(400);
  await target.reached(50);
  most = 5;
  const seen: string[] = [];
  await expect
    .poll(
      async () => {
        const { throttled = [], finished } = await mcp.call('get_batch_status', { batch_job_id: id });
        seen.push(...throttled.map(({ text }: { text: string }) => text));
        return finished;
      },
      { timeout: 25_000, interval: 200 },
    )
    .toBe(true);
  const done = await mcp.finish(id);

  const refused = withStatus(target.hits, 429);
  expect(done).toMatchObject({ status: 'completed', counts: { succeeded: 400 } });
  expect(refused.length).toBeGreaterThan(5);
  expect(target.hits.length).toBeLessThan(400 + 80);
  // What the target asked for: after a complaint nothing comes for a second but what was under way.
  expect(fullestWindow(refused, 900)).toBeLessThanOrEqual(20);
  expect(seen.join()).toMatch(/throttled by crm: \d+(\.\d)?\/s/);
});

test('credentials that are revoked midway stop the job after a few calls, and a retry finishes it', async ({
  db,
}) => {
  let revoked = false;
  const { target, mcp, start } = await setUp(db, {
    flow: flow('2x fixed(50ms)'),
    // So long that no single record has tried again before the calls are counted.
    connector: ', circuit: { probe: 2s, max_probe: 2s }',
    answer: () => (revoked ? status(401, { message: 'token revoked' }) : busyOk),
  });

  const id = await start(300);
  await target.reached(50);
  revoked = true;
  await expect
    .poll(async () => (await mcp.call('get_batch_status', { batch_job_id: id })).status, { timeout: 15_000 })
    .toBe('paused');
  const refusals = withStatus(target.hits, 401);
  revoked = false;
  const first = await mcp.finish(id);
  if (first.failed_now > 0) await mcp.call('retry_batch_failed_records', { batch_job_id: id });
  const second = await mcp.finish(id);

  // Behind that single records try, before it is seen that the job is paused, on a busy machine.
  const beforeProbes = refusals.filter(({ at }) => at < (refusals[0]?.at ?? 0) + 2000);
  expect(beforeProbes.length).toBeLessThanOrEqual(20 + 3);
  expect(first.failed_now).toBeLessThanOrEqual(refusals.length);
  expect(second.failed_now).toBe(0);
  expect(target.effects.size).toBe(300);
});

test('a field that is refused in a share of rows is one group, and slows nothing down', async ({ db }) => {
  const { target, mcp, start } = await setUp(db, {
    flow: flow('3x exponential(1s)'),
    answer: ({ body, id }) =>
      JSON.stringify(body).includes('gold')
        ? status(422, { message: `plan "gold" of row ${id} is gone` })
        : ok,
  });

  const done = await mcp.finish(await start(100));

  expect(done.counts).toMatchObject({ succeeded: 80, failed: 20 });
  expect(done.error_groups).toMatchObject([
    { count: 20, share: 1, error_class: 'data', code: 'http_422', retryable: false },
  ]);
  expect(target.hits).toHaveLength(100);
});

test('answers that drip, break off, are pages or lead elsewhere each end in their own way', async ({
  db,
}) => {
  const trap = await startTarget();
  onTestFinished(() => trap.close());
  const modes = [
    { kind: 'drip', everyMs: 20 },
    { kind: 'half' },
    { kind: 'page' },
    { kind: 'redirect', to: `${trap.url}/stolen` },
    { kind: 'garbage' },
  ] as const;
  const { target, mcp, start } = await setUp(db, {
    flow: flow('1x fixed(20ms)', ', timeout: 300ms'),
    connector: ', circuit: off',
    answer: ({ id }) => modes[Number(id) % modes.length] ?? ok,
  });

  const id = await start(10);
  const done = await mcp.finish(id);
  const { groups } = await mcp.call('export_batch_errors', { batch_job_id: id });

  const counts = Object.fromEntries(
    groups.map((group: { code: string; count: number }) => [group.code, group.count]),
  );
  expect(done.counts).toMatchObject({ succeeded: 2, failed: 8 });
  expect(counts).toEqual({ timeout: 2, connection_reset: 2, redirect_refused: 2, response_invalid: 2 });
  expect(trap.hits).toHaveLength(0);
  // A redirect is no trouble that a second call could cure.
  expect(target.hits).toHaveLength(2 * (2 + 2 + 1 + 1 + 2));
});

test('a connector that leaves lost answers to a person sends no write twice', async ({ db }) => {
  const { target, mcp, start } = await setUp(db, {
    flow: flow('3x fixed(20ms)'),
    connector: ', retry_lost_answers: false, circuit: off',
    answer: ({ id, attempt }) => {
      if (Number(id) % 10 === 0) return { kind: 'reset_after_work' };
      return Number(id) % 10 === 1 && attempt === 1 ? status(500) : ok;
    },
  });

  const done = await mcp.finish(await start(50));

  expect(done).toMatchObject({ counts: { succeeded: 45, failed: 5 }, maybe_applied: 5 });
  expect(done.error_groups).toMatchObject([{ code: 'answer_lost', error_class: 'interrupted', count: 5 }]);
  expect(done.error_groups[0].next_step).toMatch(/Find out at the target which of them arrived/);
  expect([...target.effects.values()].every((count) => count === 1)).toBe(true);
});
