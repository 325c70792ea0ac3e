import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { stopJob } from '../../src/store/control.ts';
import type { BatchJob } from '../../src/store/jobs.ts';
import { listMaybeApplied } from '../../src/store/maybe-applied.ts';
import { steerJob } from '../../src/store/steering.ts';
import { test } from '../support/database.ts';
import { fail, finished, jobWhen, quickRetry, runFlow, testEngine, testFlow } from '../support/engine.ts';

const usual = { continueOnError: true, onRecordFailure: 'log', maxFailures: null } as const;
const idle = ({ status, counts, held }: BatchJob) => status === 'paused' && counts.processing === 0 && !held;

test('max_failures at concurrency 50 pauses exactly, and resuming lets as many fail again', async ({
  db,
}) => {
  let isBroken = true;
  const flow = testFlow(async () => {
    await sleep(2);
    if (isBroken) fail('data');
    return null;
  });
  const policy = { ...usual, maxFailures: 60, onLimit: 'pause' } as const;

  const { id, engine } = await runFlow(db, flow, 500, { concurrency: 50, policy });
  const first = await jobWhen(db, id, idle);
  await steerJob(db, id, { action: 'resume' });
  engine.wake(id);
  const second = await jobWhen(db, id, (job) => job.counts.failed >= 120 && idle(job));
  isBroken = false;
  await steerJob(db, id, { action: 'resume' });
  engine.wake(id);
  const job = await jobWhen(db, id, finished);

  expect(first).toMatchObject({ pauseKind: 'limit', stopReason: null, probeAt: null });
  expect(first.pauseMessage).toMatch(/^\d+ records failed, which is as many as may \(max_failures 60\)\.$/);
  expect(first.counts.failed).toBeGreaterThanOrEqual(60);
  expect(first.counts.failed).toBeLessThanOrEqual(60 + 49);
  expect(second.failuresForgiven).toBe(first.counts.failed);
  expect(second.counts.failed - first.counts.failed).toBeGreaterThanOrEqual(60);
  expect(second.counts.failed - first.counts.failed).toBeLessThanOrEqual(60 + 49);
  expect(job).toMatchObject({ status: 'completed_with_errors', pauseKind: null });
  expect(job.counts.succeeded).toBe(500 - second.counts.failed);
  await engine.stop(0);
});

test('a raised limit is not forgiven into a higher one', async ({ db }) => {
  const flow = testFlow(() => fail('data'));
  const policy = { ...usual, maxFailures: 3, onLimit: 'pause' } as const;
  const { id, engine } = await runFlow(db, flow, 40, { concurrency: 1, policy });
  await jobWhen(db, id, idle);

  await steerJob(db, id, { action: 'resume', maxFailures: 5 });
  engine.wake(id);
  const job = await jobWhen(db, id, (now) => now.counts.failed > 3 && idle(now));

  expect(job).toMatchObject({ pauseKind: 'limit', failuresForgiven: 0 });
  expect(job.counts.failed).toBe(5);
  await engine.stop(0);
});

test('continue_on_error false with on_limit pause pauses at each failure', async ({ db }) => {
  const flow = testFlow(({ index }) => (index % 4 === 3 ? fail('data') : null));
  const policy = { ...usual, continueOnError: false, onLimit: 'pause' } as const;
  const { id, engine } = await runFlow(db, flow, 10, { concurrency: 1, policy });

  const first = await jobWhen(db, id, idle);
  await steerJob(db, id, { action: 'resume' });
  engine.wake(id);
  const second = await jobWhen(db, id, (job) => job.counts.failed === 2 && idle(job));
  await steerJob(db, id, { action: 'resume' });
  engine.wake(id);
  const job = await jobWhen(db, id, finished);

  expect(first.counts).toMatchObject({ succeeded: 3, failed: 1, pending: 6 });
  expect(second.counts).toMatchObject({ succeeded: 6, failed: 2, pending: 2 });
  expect(job.counts).toMatchObject({ succeeded: 8, failed: 2 });
  await engine.stop(0);
});

test('a rate of failures over the last records stops the job once the window is full', async ({ db }) => {
  // The first 20 fail, which no window of 30 with at most 23 failed ones minds; then 3 of 4 do.
  const flow = testFlow(({ index }) =>
    index < 20 || (index >= 60 && index % 4 !== 0) ? fail('data') : null,
  );
  const policy = { ...usual, maxFailureRate: 0.7, failureWindow: 30 };

  const { id, engine } = await runFlow(db, flow, 400, { concurrency: 1, policy });
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ status: 'failed', stopReason: 'max_failure_rate' });
  expect(job.stopMessage).toBe(
    '21 of the last 30 records failed, which is as many as may (max_failure_rate 70 %).',
  );
  // 21 failed ones among 30 in a row: the 21st of them from 60 on is the record 88 at the earliest.
  expect(job.counts.failed).toBe(20 + 21);
  expect(job.counts.succeeded).toBe(40 + 7);
  const limits = await db.run(
    (sql) => sql`select message from job_events where job_id = ${id} and kind = 'limit_reached'`,
  );
  expect(limits.length).toBe(1);
  await engine.stop(0);
});

test('with on_limit pause the rate pauses, and after a resume the window is empty', async ({ db }) => {
  let calls = 0;
  const flow = testFlow(() => {
    calls++;
    fail('data');
  });
  const policy = { ...usual, maxFailureRate: 1, failureWindow: 10, onLimit: 'pause' } as const;
  const { id, engine } = await runFlow(db, flow, 100, { concurrency: 1, policy });

  const first = await jobWhen(db, id, idle);
  const callsBefore = calls;
  await steerJob(db, id, { action: 'resume' });
  engine.wake(id);
  await jobWhen(db, id, (job) => job.counts.failed > callsBefore && idle(job));

  expect(first.pauseKind).toBe('limit');
  expect(callsBefore).toBe(10);
  expect(calls).toBe(20);
  await stopJob(db, id, 'cancelled', 'cancelled');
  engine.wake(id);
  await jobWhen(db, id, finished);
  await engine.stop(0);
});

test('no window of the rate holds more starts than it may, over a pause and a change as well', async ({
  db,
}) => {
  const starts: number[] = [];
  const flow = testFlow(() => {
    starts.push(performance.now());
    return null;
  });
  const { id, engine } = await runFlow(db, flow, 85, { concurrency: 50, rate: '20/s' });
  await jobWhen(db, id, ({ counts }) => counts.succeeded >= 20);
  await steerJob(db, id, { action: 'pause' });
  engine.wake(id);
  await jobWhen(db, id, idle);
  await steerJob(db, id, { action: 'resume' });
  engine.wake(id);
  await jobWhen(db, id, ({ counts }) => counts.succeeded >= 40);
  const slow = starts.length;
  await steerJob(db, id, { rate: '25/s' });
  engine.wake(id);
  await jobWhen(db, id, ({ counts }) => counts.succeeded >= 60);
  const faster = starts.length;

  await steerJob(db, id, { rate: null });
  const changedAt = performance.now();
  await jobWhen(db, id, finished);

  expect(slow).toBe(40);
  const tooMany = (before: number, count: number) =>
    starts.slice(0, before).filter((start, at) => (starts[at + count] ?? Infinity) - start < 1000);
  expect(tooMany(slow - 20, 20)).toEqual([]);
  expect(tooMany(faster - 25, 25)).toEqual([]);
  expect(performance.now() - changedAt).toBeLessThan(1000);
  await engine.stop(0);
});

test('cancelling at once cuts off what is under way, and says that it may have arrived', async ({ db }) => {
  const flow = testFlow(
    ({ signal, index }) =>
      new Promise((resolve, reject) => {
        if (index < 3) resolve(null);
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
    { atEnd: () => 'the end part has run' },
  );
  const { id, engine } = await runFlow(db, flow, 20, { concurrency: 4 });
  await jobWhen(db, id, ({ counts }) => counts.succeeded === 3);

  const cancelledAt = performance.now();
  await steerJob(db, id, { action: 'cancel' });
  await steerJob(db, id, { action: 'cancel', now: true });
  const job = await jobWhen(db, id, finished);

  expect(performance.now() - cancelledAt).toBeLessThan(1500);
  expect(job).toMatchObject({
    status: 'cancelled',
    stopReason: 'cancelled',
    maybeApplied: 4,
    endingFailure: null,
  });
  expect(job.counts).toMatchObject({ succeeded: 3, skipped: 17 });
  const [cut] = await db.run(
    (sql) => sql`
      select count(*)::int as count, max(attempts) as attempts from records
      where job_id = ${id} and status = 'skipped' and failure->>'code' = 'cut_off'`,
  );
  expect(cut).toEqual({ count: 4, attempts: 0 });
  await engine.stop(0);
});

test('what is under way when its process is ended may have arrived, and a cancelled job says so', async ({
  db,
}) => {
  const flow = testFlow(
    ({ index, signal }) =>
      new Promise((resolve, reject) => {
        if (index < 3) resolve(null);
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  );
  const { id, engine } = await runFlow(db, flow, 20, { concurrency: 4 });
  await jobWhen(db, id, ({ counts }) => counts.succeeded === 3 && counts.processing > 0);

  await steerJob(db, id, { action: 'cancel' });
  await engine.stop(0);
  const again = testEngine(db, flow);
  await again.adopt(id);
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ status: 'cancelled', maybeApplied: 4 });
  expect(job.counts).toMatchObject({ succeeded: 3, skipped: 17 });
  const { count } = await listMaybeApplied(db, id, 10);
  expect(count).toBe(4);
  await again.stop(0);
});

test('pausing at once gives back what is under way, uncounted, and resuming runs it again', async ({
  db,
}) => {
  let isStuck = true;
  const flow = testFlow(
    ({ signal }) =>
      new Promise((resolve, reject) => {
        if (!isStuck) resolve(null);
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
    { retry: quickRetry(1) },
  );
  const { id, engine } = await runFlow(db, flow, 10, { concurrency: 3 });
  await jobWhen(db, id, ({ counts }) => counts.processing > 0);

  await steerJob(db, id, { action: 'pause', now: true });
  const paused = await jobWhen(db, id, ({ counts }) => counts.processing === 0, 2000);
  isStuck = false;
  await steerJob(db, id, { action: 'resume' });
  engine.wake(id);
  const job = await jobWhen(db, id, finished);

  expect(paused).toMatchObject({ pauseKind: 'caller', maybeApplied: 3 });
  expect(job).toMatchObject({ status: 'completed', cancelNow: false });
  const [tries] = await db.run((sql) => sql`select max(attempts) as most from records where job_id = ${id}`);
  expect(tries?.most).toBe(1);
  await engine.stop(0);
});

test('a job that is resumed while what was cut off still winds up goes on at once', async ({ db }) => {
  let cut = 0;
  let isStuck = true;
  const flow = testFlow(
    ({ signal }) =>
      new Promise((resolve, reject) => {
        if (!isStuck) resolve(null);
        signal.addEventListener('abort', () => {
          cut++;
          setTimeout(() => reject(signal.reason), 300);
        });
      }),
  );
  const { id, engine } = await runFlow(db, flow, 10, { concurrency: 3 });
  await jobWhen(db, id, ({ counts }) => counts.processing > 0);

  await steerJob(db, id, { action: 'pause', now: true });
  engine.wake(id);
  await expect.poll(() => cut).toBe(3);
  isStuck = false;
  await steerJob(db, id, { action: 'resume' });
  engine.wake(id);
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ status: 'completed', maybeApplied: 3 });
  await engine.stop(0);
});
