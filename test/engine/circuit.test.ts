import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { CircuitSettings } from '../../src/connectors/circuit.ts';
import type { Failure } from '../../src/domain/failure.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import type { Flow } from '../../src/flows/flow.ts';
import { stopJob } from '../../src/store/control.ts';
import type { NewJob } from '../../src/store/create-job.ts';
import type { Database } from '../../src/store/database.ts';
import type { BatchJob } from '../../src/store/jobs.ts';
import { listMaybeApplied } from '../../src/store/maybe-applied.ts';
import { steerJob } from '../../src/store/steering.ts';
import { noConnectors } from '../support/connectors.ts';
import { test } from '../support/database.ts';
import { fail, finished, jobWhen, quickRetry, runFlow, testEngine, testFlow } from '../support/engine.ts';
import { requeue } from '../support/jobs.ts';

/** Quick enough for a test. */
const settings: CircuitSettings = { failures: 10, authFailures: 3, firstProbeMs: 50, longestProbeMs: 200 };

const watched = (own: Partial<CircuitSettings> = {}) => ({
  openConnectors: async () => noConnectors({ circuit: () => ({ ...settings, ...own }) }),
});

const down: Partial<Failure> = {
  code: 'http_503',
  message: 'crm-system answered 503 to POST /customers',
  connector: 'crm-system',
};
const openCircuit = (job: BatchJob) => job.pauseKind === 'circuit';
const misfit = { class: 'data', code: 'input_invalid', message: 'It does not fit' } as const;
const numberOf = (payload: JsonValue) => (payload as { n: number }).n;

test('a target that is down sees a handful of calls, and the job goes on by itself when it is back', async ({
  db,
}) => {
  let isDown = false;
  let callsWhileDown = 0;
  const runs = new Map<number, number>();
  const flow = testFlow(
    async ({ index }) => {
      await sleep(1);
      if (isDown) {
        callsWhileDown++;
        fail('transient', down);
      }
      runs.set(index, (runs.get(index) ?? 0) + 1);
      return null;
    },
    { retry: quickRetry(3) },
  );
  const { id, engine } = await runFlow(db, flow, 400, { concurrency: 8 }, watched());
  await jobWhen(db, id, ({ counts }) => counts.succeeded > 20);

  isDown = true;
  const paused = await jobWhen(db, id, openCircuit);
  const callsToOpen = callsWhileDown;
  await jobWhen(db, id, ({ probes }) => probes >= 2);
  isDown = false;
  const job = await jobWhen(db, id, finished);

  expect(paused).toMatchObject({
    status: 'paused',
    pauseMessage: 'crm-system answered 503 to the last 10 calls.',
  });
  expect(callsToOpen).toBe(10);
  expect(callsWhileDown).toBeLessThanOrEqual(10 + 5);
  expect(job).toMatchObject({ status: 'completed', pauseKind: null, probeAt: null, probes: 0 });
  expect(job.counts.succeeded).toBe(400);
  expect([...runs.values()].every((times) => times === 1)).toBe(true);
  const attempts = await db.run(
    (sql) => sql`select count(*)::int as count from failed_attempts where job_id = ${id}`,
  );
  expect(attempts[0]?.count).toBe(10);
  const events = await db.run((sql) => sql`select kind from job_events where job_id = ${id} order by id`);
  expect(events.map(({ kind }) => kind)).toEqual(['started', 'circuit_opened', 'circuit_closed', 'finished']);
  await engine.stop(0);
});

test('refused credentials pause the job after three calls, whatever their code', async ({ db }) => {
  let calls = 0;
  let revoked = true;
  const flow = testFlow(async () => {
    calls++;
    await sleep(1);
    if (revoked) fail('auth', { code: calls % 2 ? 'http_401' : 'http_403', connector: 'crm-system' });
    return null;
  });

  const { id, engine } = await runFlow(db, flow, 50, { concurrency: 2 }, watched({ firstProbeMs: 60_000 }));
  const paused = await jobWhen(db, id, openCircuit);

  expect(paused.pauseMessage).toMatch(
    /^crm-system answered 40[13] to the last 3 calls\. A person has to correct its secret: `sluice connect crm-system` asks for it; an HTTP connector that has none takes --bearer\.$/,
  );
  await jobWhen(db, id, ({ counts, held }) => counts.processing === 0 && !held);
  expect(calls).toBe(3);
  revoked = false;
  await steerJob(db, id, { action: 'resume' });
  engine.wake();
  expect((await jobWhen(db, id, finished)).counts).toMatchObject({ failed: 3, succeeded: 47 });
  await engine.stop(0);
});

test('waits between probes grow up to the longest, and a longer Retry-After wins', async ({ db }) => {
  let retryAfterMs = 0;
  const flow = testFlow(() => fail('transient', { ...down, retryAfterMs }), { retry: quickRetry(1000, 0) });
  const { id, engine } = await runFlow(
    db,
    flow,
    5,
    { concurrency: 1 },
    watched({ failures: 2, longestProbeMs: 100 }),
  );
  const waitOf = async () => {
    const [row] = await db.run(
      (sql) =>
        sql`select extract(epoch from probe_at - now())::float8 as wait from batch_jobs where id = ${id}`,
    );
    return Number(row?.wait);
  };

  await jobWhen(db, id, ({ probes }) => probes >= 3);
  expect(await waitOf()).toBeLessThanOrEqual(0.1);
  retryAfterMs = 90_000;
  await jobWhen(db, id, ({ probeAt }) => (probeAt?.getTime() ?? 0) > Date.now() + 30_000);

  expect(await waitOf()).toBeGreaterThan(80);
  const [record] = await db.run(
    (sql) => sql`select sum(attempts)::int as sum from records where job_id = ${id}`,
  );
  expect(record).toEqual({ sum: 2 });
  await stopJob(db, id, 'cancelled', 'cancelled');
  engine.wake();
  await jobWhen(db, id, finished);
  await engine.stop(0);
});

test('another kind of failure shows that the target is back, and scattered failures open nothing', async ({
  db,
}) => {
  const answers = new Map<number, number>();
  let isDown = true;
  const flow = testFlow(({ index }) => {
    answers.set(index, (answers.get(index) ?? 0) + 1);
    if (isDown) fail('transient', down);
    if (index % 2 === 0) fail('transient', { ...down, code: 'http_502' });
    fail('data', { code: 'http_422', connector: 'crm-system' });
  });
  const { id, engine } = await runFlow(db, flow, 60, { concurrency: 3 }, watched());
  await jobWhen(db, id, openCircuit);
  isDown = false;
  // The probe meets an even index first or an odd one; either way some probe meets the refusal.
  const job = await jobWhen(db, id, finished);

  expect(job.counts.failed).toBe(60);
  expect(job.probes).toBe(0);
  const opened = await db.run(
    (sql) => sql`select 1 from job_events where job_id = ${id} and kind = 'circuit_opened'`,
  );
  expect(opened.length).toBe(1);
  await engine.stop(0);
});

test('a record that fails in any case does not keep the circuit open', async ({ db }) => {
  let isDown = true;
  const flow = testFlow(({ index }) => {
    if (isDown || index === 20) fail('transient', down);
    return null;
  });
  const { id, engine } = await runFlow(db, flow, 40, { concurrency: 2 }, watched());
  await jobWhen(db, id, openCircuit);
  isDown = false;

  const job = await jobWhen(db, id, finished);

  expect(job.counts).toMatchObject({ failed: 11, succeeded: 29 });
  await engine.stop(0);
});

test.for([
  { way: 'record by record', chunk: undefined },
  { way: 'in chunks', chunk: { size: 2, onError: 'fail' as const } },
])(
  'a record that fails the check of its input tells nothing of a target that is down, $way',
  async ({ chunk }, { db }) => {
    let isDown = false;
    const flow = testFlow(
      async () => {
        await sleep(1);
        if (isDown) fail('transient', down);
        return fail('data');
      },
      {
        chunk,
        checkInput: (payload) =>
          isDown && numberOf(payload) > 6 && numberOf(payload) % 2 === 1 ? misfit : undefined,
      },
    );
    const { id, engine } = await runFlow(
      db,
      flow,
      60,
      { concurrency: 2 },
      watched({ failures: 3, longestProbeMs: 50 }),
    );
    await jobWhen(db, id, finished);
    isDown = true;
    await requeue(db, id, 0, { statuses: ['failed'] }, 2);
    engine.wake();

    const { pauseKind } = await jobWhen(
      db,
      id,
      ({ probes, counts }) => probes >= 3 && counts.retried_failed >= 8,
    );

    const events = await db.run((sql) => sql`select kind from job_events where job_id = ${id} order by id`);
    expect(pauseKind).toBe('circuit');
    expect(events.map(({ kind }) => kind)).not.toContain('circuit_closed');
    await stopJob(db, id, 'cancelled', 'cancelled');
    await jobWhen(db, id, finished);
    await engine.stop(0);
  },
);

/** The retry of a job whose records have failed; those that `isMisfit` now fail the check of their input. */
async function failedBefore(
  db: Database,
  run: Flow['run'],
  isMisfit: (n: number) => boolean,
  job: Partial<NewJob>,
) {
  let isRetried = false;
  const flow = testFlow(async (material) => (isRetried ? run(material) : fail('data')), {
    checkInput: (payload) => (isRetried && isMisfit(numberOf(payload)) ? misfit : undefined),
  });
  const options = watched({ failures: 3, firstProbeMs: 60_000 });
  const { id, engine } = await runFlow(db, flow, 40, { concurrency: 1, ...job }, options);
  await jobWhen(db, id, finished);
  isRetried = true;
  await requeue(db, id, 0, { statuses: ['failed', 'skipped'] }, 1);
  engine.wake();
  return { id, engine };
}

test('records that fail the check of their input between the calls do not show that the target is up', async ({
  db,
}) => {
  let calls = 0;
  const run = async () => {
    calls++;
    return fail('transient', down);
  };
  const { id, engine } = await failedBefore(db, run, (n) => n % 2 === 1, {});

  const { pauseMessage } = await jobWhen(db, id, openCircuit);

  expect(pauseMessage).toBe('crm-system answered 503 to the last 3 calls.');
  expect(calls).toBe(3);
  await stopJob(db, id, 'cancelled', 'cancelled');
  await jobWhen(db, id, finished);
  await engine.stop(0);
});

test('records that fail the check of their input count against max_failures before anything else starts', async ({
  db,
}) => {
  let calls = 0;
  const run = async () => {
    calls++;
    return null;
  };
  const policy = { continueOnError: true, onRecordFailure: 'log', maxFailures: 10 } as const;
  const { id, engine } = await failedBefore(db, run, (n) => n < 10, { policy });

  const { status, counts } = await jobWhen(
    db,
    id,
    ({ wave, finishedAt }) => wave === 1 && finishedAt !== null,
  );

  expect({ status, failed: counts.retried_failed }).toEqual({ status: 'failed', failed: 10 });
  expect(calls).toBe(0);
  await engine.stop(0);
});

test('a record that tries while the circuit is open, and whose answer is lost, may have arrived', async ({
  db,
}) => {
  const tried: number[] = [];
  const flow = testFlow(({ index }) => {
    tried.push(index);
    fail('transient', { ...down, code: 'timeout', maybeApplied: true });
  });
  const { id, engine } = await runFlow(db, flow, 40, { concurrency: 2 }, watched());
  await jobWhen(db, id, ({ probes }) => probes >= 3);

  await stopJob(db, id, 'cancelled', 'cancelled');
  await jobWhen(db, id, finished);

  const { count, records } = await listMaybeApplied(db, id, 100);
  expect(count).toBe(tried.length);
  expect(records.map(({ index }) => index)).toEqual(tried.toSorted((a, b) => a - b));
  expect((await jobWhen(db, id, finished)).maybeApplied).toBe(tried.length);
  await engine.stop(0);
});

test('what must not be sent again when its answer is lost is not, also while the circuit is open', async ({
  db,
}) => {
  const tried: number[] = [];
  const flow = testFlow(
    ({ index }) => {
      tried.push(index);
      if (tried.length > 14) return null;
      fail('interrupted', { code: 'answer_lost', connector: 'crm-system', maybeApplied: true });
    },
    { retry: quickRetry(3) },
  );

  const { id, engine } = await runFlow(db, flow, 40, { concurrency: 2 }, watched());
  const job = await jobWhen(db, id, finished);

  expect(job.counts).toMatchObject({ failed: 14, succeeded: 26 });
  expect(new Set(tried).size).toBe(tried.length);
  await engine.stop(0);
});

test('records that fail each time, and are all that is left at the end, do not pause the job', async ({
  db,
}) => {
  const flow = testFlow(
    ({ index }) => {
      if (index % 5 === 0) fail('transient', down);
      return null;
    },
    { retry: quickRetry(3, 50) },
  );
  const { id, engine } = await runFlow(db, flow, 100, { concurrency: 4 }, watched({ firstProbeMs: 60_000 }));

  const job = await jobWhen(db, id, finished);

  expect(job.counts).toMatchObject({ failed: 20, succeeded: 80 });
  await engine.stop(0);
});

test('records that hang while others are answered do not pause the job', async ({ db }) => {
  const flow = testFlow(
    async ({ index }) => {
      if (index >= 8) return null;
      await sleep(100);
      fail('transient', { ...down, code: 'timeout', message: 'crm-system did not answer' });
    },
    { retry: quickRetry(3) },
  );
  const { id, engine } = await runFlow(db, flow, 50, { concurrency: 9 }, watched({ firstProbeMs: 60_000 }));

  const job = await jobWhen(db, id, finished);

  expect(job.counts).toMatchObject({ failed: 8, succeeded: 42 });
  await engine.stop(0);
});

test('the process that ran a job lets its probes go, and another one if that is gone', async ({ db }) => {
  let isDown = true;
  const flow = testFlow(({ index }) => {
    if (isDown) fail('transient', down);
    if (index >= 20) fail('transient');
    return null;
  });
  const { id, engine } = await runFlow(db, flow, 50, { concurrency: 1 }, watched());
  let taken = 0;
  const elsewhere = testFlow(async (attempt) => {
    taken++;
    return flow.run(attempt);
  });
  const other = testEngine(db, elsewhere, { holder: 'other', ...watched() });
  other.wake();

  await jobWhen(db, id, ({ probes }) => probes >= 3);
  const takenBesides = taken;
  await engine.stop(0);
  isDown = false;
  const job = await jobWhen(db, id, finished);

  expect(takenBesides).toBe(0);
  expect(taken).toBeGreaterThan(30);
  expect(job.counts).toMatchObject({ failed: 10 + 30, succeeded: 10 });
  await other.stop(0);
});

test('a caller who pauses a job that would try again keeps it paused', async ({ db }) => {
  let calls = 0;
  const flow = testFlow(() => {
    calls++;
    fail('transient', down);
  });
  const { id, engine } = await runFlow(db, flow, 30, { concurrency: 1 }, watched({ firstProbeMs: 300 }));
  await jobWhen(db, id, openCircuit);

  await steerJob(db, id, { action: 'pause' });
  const job = await jobWhen(db, id, ({ held }) => !held);
  await sleep(400);
  engine.wake();
  await sleep(50);

  expect(job).toMatchObject({ pauseKind: 'caller', probeAt: null });
  expect(calls).toBe(10);
  await engine.stop(0);
});

test('a probe that hangs keeps nobody from resuming the job', async ({ db }) => {
  let state: 'down' | 'hanging' | 'up' = 'down';
  let release = () => {};
  let hangs = () => {};
  const hanging = new Promise<void>((resolve) => {
    hangs = resolve;
  });
  const flow = testFlow(async () => {
    if (state === 'down') fail('transient', down);
    if (state === 'up') return null;
    await new Promise<void>((resolve) => {
      release = resolve;
      hangs();
    });
    fail('transient', down);
  });
  const { id, engine } = await runFlow(db, flow, 30, { concurrency: 2 }, watched());
  await jobWhen(db, id, openCircuit);
  state = 'hanging';
  await hanging;

  state = 'up';
  await steerJob(db, id, { action: 'resume' });
  engine.wake(id);
  const job = await jobWhen(db, id, ({ counts }) => counts.succeeded === 19);
  release();
  const ended = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ status: 'processing', counts: { processing: 1, failed: 10 } });
  // What the probe came to does not count, so its record ran once more.
  expect(ended.counts).toMatchObject({ failed: 10, succeeded: 20 });
  await engine.stop(0);
});

test.for([
  { maxFailures: 10, concurrency: 2 },
  { maxFailures: 5, concurrency: 5 },
  { maxFailures: 1, concurrency: 5 },
])('a job goes on by itself also when as many records wait as may fail: %o', async (limits, { db }) => {
  let isDown = true;
  const flow = testFlow(
    async () => {
      await sleep(2);
      if (isDown) fail('transient', down);
      return null;
    },
    { retry: quickRetry(3, 50) },
  );
  const { maxFailures, concurrency } = limits;
  const policy = { continueOnError: true, onRecordFailure: 'log', maxFailures } as const;
  const options = watched({ failures: Math.min(maxFailures, 5) });
  const { id, engine } = await runFlow(db, flow, 60, { concurrency, policy }, options);
  await jobWhen(db, id, openCircuit);

  isDown = false;
  const job = await jobWhen(db, id, finished);

  expect(job.status).toBe('completed');
  expect(job.counts.succeeded).toBe(60);
  await engine.stop(0);
});
