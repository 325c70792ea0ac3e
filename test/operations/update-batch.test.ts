import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import type { Flow } from '../../src/flows/flow.ts';
import { checkInput } from '../../src/operations/check-input.ts';
import type { OperationContext } from '../../src/operations/context.ts';
import { getBatchStatus } from '../../src/operations/get-batch-status.ts';
import { updateBatch } from '../../src/operations/update-batch.ts';
import { createJob, type NewJob } from '../../src/store/create-job.ts';
import type { Database } from '../../src/store/database.ts';
import { noConnectors } from '../support/connectors.ts';
import { test } from '../support/database.ts';
import { fail, finished, jobWhen, testEngine, testFlow } from '../support/engine.ts';
import { newJob } from '../support/jobs.ts';

const circuit = { failures: 3, authFailures: 3, firstProbeMs: 60_000, longestProbeMs: 60_000 };

/** A job of a flow, and the tools that steer and watch it. */
async function started(db: Database, flow: Flow, count: number, more: Partial<NewJob> = {}) {
  const openConnectors = async () =>
    noConnectors({
      circuit: () => circuit,
      throttles: () => [{ connector: 'crm', concurrency: 2, perSecond: 3.214, restMs: 0 }],
    });
  const engine = testEngine(db, flow, { openConnectors });
  const context = {
    open: async () => ({ db, engine, ensureStandby: async () => {} }),
    limits: { maxConcurrency: 50 },
    signal: new AbortController().signal,
  } as unknown as OperationContext;
  const job = newJob(count, more);
  await createJob(db, job);
  await engine.adopt(job.id);
  return {
    id: job.id,
    engine,
    update: (change: JsonObject) =>
      updateBatch.run(context, checkInput(updateBatch, { batch_job_id: job.id, ...change })),
    status: (wait = 0) =>
      getBatchStatus.run(context, checkInput(getBatchStatus, { batch_job_id: job.id, wait_seconds: wait })),
  };
}

const slow = () =>
  testFlow(async () => {
    await sleep(20);
    return null;
  });

test('a job is slowed, paused, resumed and cancelled, and the same wish twice is no error', async ({
  db,
}) => {
  let mayEnd: Promise<void> = Promise.resolve();
  let release = () => {};
  let underWay = 0;
  const flow = testFlow(async () => {
    underWay++;
    await sleep(20);
    await mayEnd;
    underWay--;
    return null;
  });
  const { id, engine, update, status } = await started(db, flow, 3000, { concurrency: 4 });

  const slowed = await update({
    concurrency: 2,
    rate: '50/s',
    max_failures: 9,
    max_failure_rate: 0.5,
    on_limit: 'pause',
  });
  const paused = await update({ action: 'pause' });
  await update({ action: 'pause' });
  const seen = await status(20);
  const resumed = await update({ action: 'resume', rate: null });
  await update({ action: 'resume' });
  // As long as something is under way the job is not over.
  mayEnd = new Promise((resolve) => {
    release = resolve;
  });
  await expect.poll(() => underWay).toBe(2);
  const cancelled = await update({ action: 'cancel' });
  await update({ action: 'cancel', now: true });
  release();

  expect(slowed).toMatchObject({
    concurrency: 2,
    rate: '50/s',
    max_failures: 9,
    max_failure_rate: 0.5,
    on_limit: 'pause',
  });
  expect(paused.status).toBe('paused');
  expect(seen).toMatchObject({
    status: 'paused',
    paused: { kind: 'caller', message: 'Somebody asked for it.' },
  });
  expect(seen).not.toHaveProperty('waiting_for');
  expect(resumed.status).toBe('processing');
  expect(resumed).not.toHaveProperty('rate');
  expect(cancelled.status).toBe('cancelled');
  await jobWhen(db, id, finished);
  await expect(update({ action: 'resume' })).rejects.toMatchObject({
    code: 'batch_job_finished',
    message: expect.stringMatching(
      /nothing to change\. retry_batch_failed_records {"batch_job_id": "[^"]+", "select": {"statuses": \["skipped"\]}} goes on with those that were skipped\. Nothing/,
    ),
  });
  const events = await db.run(
    (sql) => sql`select kind, message from job_events where job_id = ${id} order by id`,
  );
  expect(events.map(({ kind }) => kind)).toEqual([
    'started',
    'changed',
    'paused',
    'resumed',
    'cancelled',
    'finished',
  ]);
  expect(events[1]?.message).toBe(
    'Changed: concurrency 2, rate 50/s, max_failures 9, max_failure_rate 0.5, on_limit pause.',
  );
  await engine.stop(0);
});

test('what makes no sense is refused, and changes nothing', async ({ db }) => {
  const { id, engine, update } = await started(db, slow(), 500, { concurrency: 1 });

  const refusals = [
    {},
    { now: true },
    { action: 'resume', now: true },
    { concurrency: 51 },
    { rate: '10 an hour' },
  ];
  for (const change of refusals) {
    await expect((async () => update(change))(), JSON.stringify(change)).rejects.toMatchObject({
      code: 'invalid_input',
    });
  }

  const job = await jobWhen(db, id, () => true);
  expect(job).toMatchObject({ waveConcurrency: 1, rate: null, pauseKind: null });
  await update({ action: 'cancel' });
  await jobWhen(db, id, finished);
  await engine.stop(0);
});

test('a job paused by its limit says so, and goes on without it', async ({ db }) => {
  const flow = testFlow(({ index }) => (index < 5 ? fail('data') : null));
  const policy = { continueOnError: true, onRecordFailure: 'log', maxFailures: 2, onLimit: 'pause' } as const;
  const { id, engine, update, status } = await started(db, flow, 20, { concurrency: 1, policy });

  const paused = await status(20);
  await update({ action: 'resume', max_failures: null });
  const job = await jobWhen(db, id, finished);

  expect(paused).toMatchObject({
    status: 'paused',
    finished: false,
    paused: { kind: 'limit', message: '2 records failed, which is as many as may (max_failures 2).' },
    failed_now: 2,
  });
  expect(paused.next_step).toContain('error_groups');
  expect(paused).not.toHaveProperty('stopped_by');
  expect(job.counts).toMatchObject({ failed: 5, succeeded: 15 });
  const reached = await db.run(
    (sql) => sql`select message from job_events where job_id = ${id} and kind = 'limit_reached'`,
  );
  expect(reached).toEqual([{ message: 'As many records failed as may (max_failures 2); the job paused.' }]);
  await engine.stop(0);
});

test('a job that waits for a connector names it, says when it tries again, and tries at once when told to', async ({
  db,
}) => {
  let isDown = true;
  const flow = testFlow(() => (isDown ? fail('transient', { connector: 'crm', code: 'http_503' }) : null));
  const { id, engine, update, status } = await started(db, flow, 20, { concurrency: 1 });

  const paused = await status(20);
  isDown = false;
  await update({ action: 'resume' });
  const job = await jobWhen(db, id, finished);

  const message = 'crm answered 503 to the last 3 calls.';
  expect(paused.paused).toMatchObject({ kind: 'circuit', message, tries_again_at: expect.any(String) });
  expect(Date.parse(paused.paused?.tries_again_at ?? '') - Date.now()).toBeGreaterThan(30_000);
  expect(paused.waiting_for).toMatchObject({ kind: 'circuit', text: expect.stringContaining(message) });
  expect(paused.next_step).toContain('goes on by itself');
  expect(job.counts).toMatchObject({ failed: 3, succeeded: 17 });
  await engine.stop(0);
});

test('a job that waits for approval starts nothing, cannot be resumed, and can be cancelled', async ({
  db,
}) => {
  let calls = 0;
  const flow = testFlow(() => ++calls);
  const { id, engine, update, status } = await started(db, flow, 5, { awaitsApproval: true });

  const waiting = await status(20);
  await expect(update({ action: 'resume' })).rejects.toMatchObject({
    code: 'approval_needed',
    message: expect.stringContaining(`sluice approve ${id}`),
  });
  const slowed = await update({ concurrency: 2 });
  await update({ action: 'cancel' });
  const job = await jobWhen(db, id, finished);

  expect(waiting).toMatchObject({
    status: 'paused',
    paused: { kind: 'approval' },
    waiting_for: { kind: 'approval' },
  });
  expect(waiting.next_step).toContain(`sluice approve ${id}`);
  expect(slowed).toMatchObject({ status: 'paused', concurrency: 2 });
  expect(job.counts.skipped).toBe(5);
  expect(calls).toBe(0);
  await engine.stop(0);
});

test('what connectors hold a job back to is in its status while it runs', async ({ db }) => {
  const { id, engine, update, status } = await started(db, slow(), 3000, { concurrency: 1 });

  await jobWhen(db, id, ({ throttle }) => throttle !== null);
  const throttled = await status();
  await update({ action: 'cancel' });
  const job = await jobWhen(db, id, finished);

  expect(throttled.throttled).toEqual([
    { connector: 'crm', per_second: 3.2, concurrency: 2, text: 'throttled by crm: 3.2/s' },
  ]);
  expect(job.throttle).toBeNull();
  await engine.stop(0);
});
