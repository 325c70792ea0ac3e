import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Flow } from '../../src/flows/flow.ts';
import { claimRecords } from '../../src/store/claims.ts';
import { stopJob } from '../../src/store/control.ts';
import { createJob } from '../../src/store/create-job.ts';
import type { Database } from '../../src/store/database.ts';
import { acquireLease } from '../../src/store/leases.ts';
import { steerJob } from '../../src/store/steering.ts';
import { test } from '../support/database.ts';
import { fail, finished, jobWhen, quickRetry, testEngine, testFlow } from '../support/engine.ts';
import { countRows, letLapse, newJob, requeue } from '../support/jobs.ts';

/** Starts `count` records through a flow and returns what is needed to watch them. */
async function start(db: Database, flow: Flow, count: number, more: Parameters<typeof newJob>[1] = {}) {
  const job = newJob(count, more);
  const engine = testEngine(db, flow);
  await createJob(db, job);
  await engine.adopt(job.id);
  return { id: job.id, engine };
}

const policyOf = (maxFailures: number | null, continueOnError = true) => ({
  policy: { continueOnError, onRecordFailure: 'log', maxFailures } as const,
});

test('every record goes through the flow once and the job completes', async ({ db }) => {
  const seen: number[] = [];
  const flow = testFlow(({ index, payload }) => {
    seen.push(index);
    return payload;
  });

  const { id, engine } = await start(db, flow, 1200, { concurrency: 7 });
  const job = await jobWhen(db, id, finished);

  expect(job.status).toBe('completed');
  expect(job.counts.succeeded).toBe(1200);
  expect(new Set(seen).size).toBe(1200);
  expect(seen.length).toBe(1200);
  await engine.stop(0);
});

test('no more records are under way than the concurrency allows, and all slots are used', async ({ db }) => {
  let underWay = 0;
  let most = 0;
  const flow = testFlow(async () => {
    most = Math.max(most, ++underWay);
    await sleep(2);
    underWay--;
    return null;
  });

  const { id, engine } = await start(db, flow, 100, { concurrency: 4 });
  await jobWhen(db, id, finished);

  expect(most).toBe(4);
  await engine.stop(0);
});

test('a slow record holds one slot and no other record back', async ({ db }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const flow = testFlow(async ({ index }) => {
    if (index === 0) await held;
    return null;
  });

  const { id, engine } = await start(db, flow, 300, { concurrency: 2 });
  const job = await jobWhen(db, id, ({ counts }) => counts.succeeded === 299);

  expect(job.counts.processing).toBe(1);
  release();
  expect((await jobWhen(db, id, finished)).status).toBe('completed');
  await engine.stop(0);
});

test('a transient failure is tried again by the policy, another one is not', async ({ db }) => {
  const attempts = new Map<number, number>();
  const flow = testFlow(
    ({ index }) => {
      const tries = (attempts.get(index) ?? 0) + 1;
      attempts.set(index, tries);
      if (index % 3 === 0) fail('transient');
      if (index % 3 === 1) fail('data');
      return null;
    },
    { retry: quickRetry(2) },
  );

  const { id, engine } = await start(db, flow, 30);
  const job = await jobWhen(db, id, finished);

  expect(job.status).toBe('completed_with_errors');
  expect(job.counts).toMatchObject({ succeeded: 10, failed: 20 });
  expect([...attempts].filter(([index]) => index % 3 === 0).every(([, tries]) => tries === 3)).toBe(true);
  expect([...attempts].filter(([index]) => index % 3 !== 0).every(([, tries]) => tries === 1)).toBe(true);
  const kept = await db.run(
    (sql) => sql`select attempt from failed_attempts where job_id = ${id} and idx = 0 order by attempt`,
  );
  expect(kept.map((row) => row.attempt)).toEqual([1, 2, 3]);
  await engine.stop(0);
});

test('a record that waits for another attempt holds no slot', async ({ db }) => {
  let first = true;
  const flow = testFlow(
    ({ index }) => {
      if (index === 0 && first) {
        first = false;
        fail('transient');
      }
      return null;
    },
    { retry: quickRetry(1, 600) },
  );

  const { id, engine } = await start(db, flow, 50, { concurrency: 1 });
  const before = await jobWhen(db, id, ({ counts }) => counts.succeeded === 49);

  expect(before.counts.pending).toBe(1);
  expect((await jobWhen(db, id, finished)).counts.succeeded).toBe(50);
  await engine.stop(0);
});

test.for([
  [1, 1],
  [3, 5],
  [10, 5],
])('max_failures %i at concurrency %i stops within the concurrency', async ([limit, concurrency], { db }) => {
  let calls = 0;
  const flow = testFlow(async () => {
    calls++;
    await sleep(1);
    fail('data');
  });

  const { id, engine } = await start(db, flow, 400, { concurrency: concurrency!, ...policyOf(limit!) });
  const job = await jobWhen(db, id, finished);

  expect(job.status).toBe('failed');
  expect(job.stopReason).toBe('max_failures');
  expect(job.counts.failed).toBeGreaterThanOrEqual(limit!);
  expect(job.counts.failed).toBeLessThanOrEqual(limit! + concurrency! - 1);
  expect(job.counts.failed).toBe(calls);
  expect(job.counts.skipped).toBe(400 - calls);
  await engine.stop(0);
});

test('a dead target costs about max_failures first calls, not one per row', async ({ db }) => {
  const tried = new Set<number>();
  const flow = testFlow(
    async ({ index }) => {
      tried.add(index);
      await sleep(1);
      fail('transient');
    },
    { retry: quickRetry(3) },
  );

  const { id, engine } = await start(db, flow, 300, { concurrency: 5, ...policyOf(10) });
  const job = await jobWhen(db, id, finished);

  expect(job.status).toBe('failed');
  expect(tried.size).toBeLessThanOrEqual(10 + 5 - 1);
  expect(job.counts.failed).toBeGreaterThanOrEqual(10);
  expect(job.counts.failed + job.counts.skipped).toBe(300);
  await engine.stop(0);
});

test('continue_on_error false stops at the first failure', async ({ db }) => {
  const flow = testFlow(({ index }) => (index === 3 ? fail('data') : null));

  const { id, engine } = await start(db, flow, 200, { concurrency: 1, ...policyOf(null, false) });
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ status: 'failed', stopReason: 'first_failure' });
  expect(job.counts).toMatchObject({ succeeded: 3, failed: 1, skipped: 196 });
  await engine.stop(0);
});

test('a cancelled job lets what is under way finish, skips the rest and ends within a second', async ({
  db,
}) => {
  const flow = testFlow(async () => {
    await sleep(30);
    return null;
  });
  const { id, engine } = await start(db, flow, 2000, { concurrency: 3 });
  await jobWhen(db, id, ({ counts }) => counts.succeeded > 3);

  const cancelledAt = performance.now();
  expect(await stopJob(db, id, 'cancelled', 'cancelled')).toBe(true);
  const job = await jobWhen(db, id, finished);

  expect(performance.now() - cancelledAt).toBeLessThan(1000);
  expect(job.status).toBe('cancelled');
  expect(job.counts.succeeded + job.counts.skipped).toBe(2000);
  await engine.stop(0);
});

test('a paused job starts nothing, and goes on when it is resumed', async ({ db }) => {
  let calls = 0;
  const flow = testFlow(async () => {
    calls++;
    await sleep(5);
    return null;
  });
  const { id, engine } = await start(db, flow, 200, { concurrency: 2 });
  await jobWhen(db, id, ({ counts }) => counts.succeeded > 3);

  await steerJob(db, id, { action: 'pause' });
  engine.wake(id);
  await jobWhen(db, id, ({ counts }) => counts.processing === 0);
  const callsWhenPaused = calls;
  await sleep(50);
  expect(calls).toBe(callsWhenPaused);
  await steerJob(db, id, { action: 'resume' });
  engine.wake(id);

  expect((await jobWhen(db, id, finished)).counts.succeeded).toBe(200);
  expect(calls).toBe(200);
  await engine.stop(0);
});

test('a new concurrency reaches a running lane within a second', async ({ db }) => {
  let underWay = 0;
  let most = 0;
  const flow = testFlow(async () => {
    most = Math.max(most, ++underWay);
    await sleep(10);
    underWay--;
    return null;
  });
  const { id, engine } = await start(db, flow, 5000, { concurrency: 1 });
  await jobWhen(db, id, ({ counts }) => counts.succeeded > 2);

  await steerJob(db, id, { concurrency: 9 });
  await sleep(900);

  expect(most).toBe(9);
  await stopJob(db, id, 'cancelled', 'cancelled');
  await jobWhen(db, id, finished);
  await engine.stop(0);
});

test('a stopped engine hands back what has not started, uncounted, and another goes on', async ({ db }) => {
  const seen = new Map<number, number>();
  const flow = testFlow(async ({ index }) => {
    seen.set(index, (seen.get(index) ?? 0) + 1);
    await sleep(3);
    return null;
  });
  const { id, engine } = await start(db, flow, 500, { concurrency: 5 });
  await jobWhen(db, id, ({ counts }) => counts.succeeded > 10);

  await engine.stop(1000);
  const stopped = await jobWhen(db, id, () => true);
  expect(stopped.counts.processing).toBe(0);
  expect(stopped.held).toBe(false);

  const other = testEngine(db, flow, { holder: 'other' });
  other.wake();
  const job = await jobWhen(db, id, finished);
  expect(job.counts.succeeded).toBe(500);
  expect([...seen.values()].every((times) => times === 1)).toBe(true);
  await other.stop(0);
});

test('an attempt cut off by the end of the process counts nothing', async ({ db }) => {
  const flow = testFlow(
    ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  );
  const { id, engine } = await start(db, flow, 3, { concurrency: 3 });
  await jobWhen(db, id, ({ counts }) => counts.processing === 3);

  await engine.stop(10);

  expect(await countRows(db, id)).toEqual({ pending: 3 });
  const rows = await db.run((sql) => sql`select distinct attempts, tries from records where job_id = ${id}`);
  expect(rows).toEqual([{ attempts: 0, tries: 0 }]);
});

test('an error that is no record failure is a bug of that record alone and tells nothing of its text', async ({
  db,
}) => {
  const flow = testFlow(({ index }) => {
    if (index === 1) throw new TypeError('secret-text');
    return null;
  });

  const { id, engine } = await start(db, flow, 3);
  const job = await jobWhen(db, id, finished);

  expect(job.counts).toMatchObject({ succeeded: 2, failed: 1 });
  const [row] = await db.run((sql) => sql`select failure from records where job_id = ${id} and idx = 1`);
  expect(row?.failure).toMatchObject({ class: 'bug', code: 'unexpected_error' });
  expect(JSON.stringify(row)).not.toContain('secret-text');
  await engine.stop(0);
});

test('a retry wave turns what can be cured into retried_success and the rest into retried_failed', async ({
  db,
}) => {
  let targetIsDown = true;
  const flow = testFlow(({ index }) => {
    if (index < 4 && targetIsDown) fail('transient');
    if (index === 9) fail('data');
    return null;
  });
  const { id, engine } = await start(db, flow, 10);
  await jobWhen(db, id, finished);
  targetIsDown = false;

  await requeue(db, id, 0, { statuses: ['failed', 'retried_failed'] }, 2);
  engine.wake();
  const job = await jobWhen(db, id, finished);

  expect(job.status).toBe('completed_with_errors');
  expect(job.counts).toMatchObject({ succeeded: 5, retried_success: 4, retried_failed: 1, failed: 0 });
  await engine.stop(0);
});

test('two engines share jobs and never run one record twice', async ({ db }) => {
  const seen = new Map<string, number>();
  const flow = testFlow(async ({ batchJobId, index }) => {
    const key = `${batchJobId}:${index}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
    await sleep(1);
    return null;
  });
  const engines = ['one', 'two'].map((holder) => testEngine(db, flow, { holder }));
  const jobs = Array.from({ length: 6 }, () => newJob(60, { holder: 'nobody', leaseMs: 0 }));
  for (const job of jobs) await createJob(db, job);

  for (const engine of engines) engine.wake();
  for (const { id } of jobs) expect((await jobWhen(db, id, finished)).counts.succeeded).toBe(60);

  expect(seen.size).toBe(360);
  expect([...seen.values()].every((times) => times === 1)).toBe(true);
  await Promise.all(engines.map((engine) => engine.stop(0)));
});

test('started minus committed stays below twice the concurrency for a flow with effects', async ({ db }) => {
  let started = 0;
  let widest = 0;
  const flow = testFlow(async () => {
    const startedSoFar = ++started;
    const [row] = await db.run(
      (sql) => sql`select sum(succeeded)::int as committed from batch_jobs where label = 'bound'`,
    );
    widest = Math.max(widest, startedSoFar - Number(row?.committed));
    return null;
  });

  const { id, engine } = await start(db, flow, 300, { concurrency: 3, label: 'bound' });
  await jobWhen(db, id, finished);

  expect(widest).toBeLessThanOrEqual(6);
  await engine.stop(0);
});

test('rows that failed before their first attempt count against max_failures', async ({ db }) => {
  const bad = {
    id: null,
    json: 'null',
    failure: { class: 'data', code: 'text_not_storable', message: 'no' },
  } as const;
  const good = { id: null, json: '{}' };
  let calls = 0;
  const flow = testFlow(() => ++calls);

  const { id, engine } = await start(db, flow, 0, { records: [bad, bad, good, good], ...policyOf(2) });
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ status: 'failed', stopReason: 'max_failures' });
  expect(job.counts).toMatchObject({ failed: 2, skipped: 2 });
  expect(calls).toBe(0);
  await engine.stop(0);
});

test('a limit lowered below what has failed stops the job', async ({ db }) => {
  const flow = testFlow(async () => {
    await sleep(5);
    fail('data');
  });
  const { id, engine } = await start(db, flow, 3000, { concurrency: 2 });
  await jobWhen(db, id, ({ counts }) => counts.failed > 5);

  await steerJob(db, id, { maxFailures: 3 });
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ status: 'failed', stopReason: 'max_failures' });
  expect(job.counts.skipped).toBeGreaterThan(2000);
  await engine.stop(0);
});

test('records a dead process left under way are run again by whoever takes the lane', async ({ db }) => {
  const job = newJob(50, { holder: 'dead', leaseMs: 0 });
  await createJob(db, job);
  const lease = await acquireLease(db, job.id, 'dead', 60_000);
  await claimRecords(db, { lease: lease!, claims: 0, limit: 20, fresh: true });
  await letLapse(db, job.id);
  const engine = testEngine(
    db,
    testFlow(() => null),
  );

  engine.wake();
  const finishedJob = await jobWhen(db, job.id, finished);

  expect(finishedJob.counts.succeeded).toBe(50);
  expect(finishedJob.maybeApplied).toBe(10);
  await engine.stop(0);
});
