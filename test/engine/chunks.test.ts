import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Failure } from '../../src/domain/failure.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import { BrokenRun } from '../../src/flows/broken-run.ts';
import { ChunkResult } from '../../src/flows/chunk-result.ts';
import type { Attempt, ChunkRule, FlowResult } from '../../src/flows/flow.ts';
import { openFileSource } from '../../src/sources/open-file.ts';
import { stopJob } from '../../src/store/control.ts';
import type { Database, Sql } from '../../src/store/database.ts';
import { steerJob } from '../../src/store/steering.ts';
import { noConnectors } from '../support/connectors.ts';
import { test } from '../support/database.ts';
import { fail, finished, jobWhen, quickRetry, runFlow, testEngine, testFlow } from '../support/engine.ts';
import { requeue } from '../support/jobs.ts';

/** A flow that keeps the indexes of every run. */
function chunkFlow(
  chunk: Partial<ChunkRule>,
  run: (attempt: Attempt) => Promise<FlowResult> | FlowResult = () => null,
  more: Parameters<typeof testFlow>[1] = {},
) {
  const runs: number[][] = [];
  const flow = testFlow(
    (attempt) => {
      runs.push([...(attempt.indexes ?? [])]);
      return run(attempt);
    },
    { chunk: { size: 10, onError: 'fail', ...chunk }, ...more },
  );
  return { flow, runs };
}

const numbersOf = ({ payload }: Attempt) => (payload as unknown as { n: number }[]).map(({ n }) => n);

async function rowsOf(db: Database, batchJobId: string) {
  return db.run(
    (sql) => sql<{ idx: number; status: string; result: JsonValue; attempts: number }[]>`
      select idx, status, result, attempts from records where job_id = ${batchJobId} order by idx`,
  );
}

test.for([
  { count: 1000, size: 100, concurrency: 5, hasEffects: true, runs: 10 },
  { count: 1000, size: 7, concurrency: 3, hasEffects: true, runs: 143 },
  { count: 1000, size: 7, concurrency: 3, hasEffects: false, runs: 143 },
  { count: 700, size: 600, concurrency: 2, hasEffects: false, runs: 2 },
  { count: 5, size: 100, concurrency: 5, hasEffects: true, runs: 1 },
])('$count records by $size make $runs runs (effects: $hasEffects)', async (plan, { db }) => {
  const { flow, runs } = chunkFlow({ size: plan.size }, undefined, { hasEffects: plan.hasEffects });

  const { id, engine } = await runFlow(db, flow, plan.count, { concurrency: plan.concurrency });
  const job = await jobWhen(db, id, finished);

  expect(job.counts.succeeded).toBe(plan.count);
  expect(runs.length).toBe(plan.runs);
  expect(runs.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: plan.count }, (_, n) => n));
  await engine.stop(0);
});

test('a chunk that is not full waits while the file is still read', async ({ db }) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-chunks-'));
  const path = join(folder, 'rows.ndjson');
  // Over 64 MiB, so that the first records run while the rest is read.
  const filler = 'x'.repeat(14_000);
  writeFileSync(path, Array.from({ length: 5003 }, (_, n) => JSON.stringify({ n, filler })).join('\n'));
  const source = await openFileSource({ path }, { folders: [folder], home: folder });
  const { flow, runs } = chunkFlow({ size: 50 }, undefined, { hasEffects: false });

  const { id, engine } = await runFlow(db, flow, 0, { source, records: undefined });
  const job = await jobWhen(db, id, finished, 60_000);

  expect(job.counts.succeeded).toBe(5003);
  expect(runs.filter((indexes) => indexes.length !== 50)).toEqual([[5000, 5001, 5002]]);
  await engine.stop(0);
  rmSync(folder, { recursive: true });
});

test('a list of as many results gives each record its own, anything else is the result of all', async ({
  db,
}) => {
  const { flow } = chunkFlow({ size: 4 }, (attempt) =>
    attempt.index === 0 ? numbersOf(attempt).map((n) => n * 2) : { sent: numbersOf(attempt).length },
  );

  const { id, engine } = await runFlow(db, flow, 8, { concurrency: 1 });
  await jobWhen(db, id, finished);

  const results = (await rowsOf(db, id)).map(({ result }) => result);
  expect(results).toEqual([0, 2, 4, 6, { sent: 4 }, { sent: 4 }, { sent: 4 }, { sent: 4 }]);
  await engine.stop(0);
});

test('an attempt over a chunk names its first record and the index of each', async ({ db }) => {
  const seen: Attempt[] = [];
  const { flow } = chunkFlow({ size: 3 }, (attempt) => {
    seen.push(attempt);
    return null;
  });

  const { id, engine } = await runFlow(db, flow, 5, { concurrency: 1 });
  await jobWhen(db, id, finished);

  expect(seen.map(({ index, id: own, indexes, payload }) => ({ index, id: own, indexes, payload }))).toEqual([
    { index: 0, id: 'id-0', indexes: [0, 1, 2], payload: [{ n: 0 }, { n: 1 }, { n: 2 }] },
    { index: 3, id: 'id-3', indexes: [3, 4], payload: [{ n: 3 }, { n: 4 }] },
  ]);
  await engine.stop(0);
});

test('bisect finds the bad records, and all others succeed', async ({ db }) => {
  const bad = [3, 57, 58];
  const { flow, runs } = chunkFlow({ size: 100, onError: 'bisect' }, (attempt) => {
    if (numbersOf(attempt).some((n) => bad.includes(n))) fail('data');
    return numbersOf(attempt);
  });

  const { id, engine } = await runFlow(db, flow, 100);
  const job = await jobWhen(db, id, finished);

  expect(job.counts).toMatchObject({ succeeded: 97, failed: 3 });
  const rows = await rowsOf(db, id);
  expect(rows.filter(({ status }) => status === 'failed').map(({ idx }) => idx)).toEqual(bad);
  expect(rows.every(({ attempts }) => attempts === 1)).toBe(true);
  expect(rows.filter(({ status, idx, result }) => status === 'succeeded' && result !== idx)).toEqual([]);
  expect(runs.length).toBeLessThan(50);
  await engine.stop(0);
});

test('without bisect all records of a chunk fail alike, and the other chunks do not', async ({ db }) => {
  const { flow, runs } = chunkFlow({ size: 10 }, ({ index }) => (index === 10 ? fail('data') : null));

  const { id, engine } = await runFlow(db, flow, 30);
  const job = await jobWhen(db, id, finished);

  expect(job.counts).toMatchObject({ succeeded: 20, failed: 10 });
  expect(runs.length).toBe(3);
  await engine.stop(0);
});

test('a chunk that broke for a passing reason is run again as it was, not taken apart', async ({ db }) => {
  let failures = 0;
  const { flow, runs } = chunkFlow(
    { size: 20, onError: 'bisect' },
    ({ index }) => (index === 20 && failures++ < 2 ? fail('transient') : null),
    { retry: quickRetry(3) },
  );

  const { id, engine } = await runFlow(db, flow, 60, { concurrency: 2 });
  const job = await jobWhen(db, id, finished);

  expect(job.counts.succeeded).toBe(60);
  expect(runs.filter(([first]) => first === 20)).toEqual(
    Array.from({ length: 3 }, () => Array.from({ length: 20 }, (_, n) => 20 + n)),
  );
  expect(runs.length).toBe(5);
  const attempts = (await rowsOf(db, id)).map((row) => row.attempts);
  expect(attempts.slice(20, 40)).toEqual(Array.from({ length: 20 }, () => 3));
  await engine.stop(0);
});

test('a chunk larger than the share of retries in a claim is put together again all the same', async ({
  db,
}) => {
  let isDown = true;
  const { flow, runs } = chunkFlow(
    { size: 300 },
    () => {
      if (!isDown) return null;
      isDown = false;
      fail('transient');
    },
    { retry: quickRetry(1), hasEffects: false },
  );

  const { id, engine } = await runFlow(db, flow, 300);
  await jobWhen(db, id, finished);

  expect(runs.map((indexes) => indexes.length)).toEqual([300, 300]);
  await engine.stop(0);
});

test('a chunk that broke comes back as it was beside records that failed alone', async ({ db }) => {
  const busy: Failure = { ...refusal, class: 'transient' };
  const { flow, runs } = chunkFlow(
    { size: 10 },
    (attempt) => {
      if (runs.length === 3) fail('transient', { maybeApplied: true });
      return runs.length < 6 ? refusing(attempt, (n) => n % 10 === 4, busy) : null;
    },
    { retry: quickRetry(2, 300) },
  );

  const { id, engine } = await runFlow(db, flow, 60, { concurrency: 1 });
  const job = await jobWhen(db, id, finished);

  expect(job.counts.succeeded).toBe(60);
  const broken = Array.from({ length: 10 }, (_, n) => 20 + n);
  expect(runs.filter((indexes) => indexes.includes(20))).toEqual([broken, broken]);
  await engine.stop(0);
});

test('half a chunk that broke comes back as it was while fresh records are left', async ({ db }) => {
  let failures = 0;
  const { flow, runs } = chunkFlow(
    { size: 10, onError: 'bisect' },
    async (attempt) => {
      await sleep(2);
      const numbers = numbersOf(attempt);
      if (numbers.includes(7)) fail('data');
      if (numbers[0] === 0 && failures++ === 0) fail('transient', { maybeApplied: true });
      return null;
    },
    { retry: quickRetry(2) },
  );

  const { id, engine } = await runFlow(db, flow, 1000, { concurrency: 1 });
  const job = await jobWhen(db, id, finished);

  expect(job.counts).toMatchObject({ succeeded: 999, failed: 1 });
  const half = [0, 1, 2, 3, 4];
  expect(runs.filter((indexes) => indexes.includes(0)).slice(1)).toEqual([half, half]);
  await engine.stop(0);
});

test('a part of broken chunks that is retried waits for nobody', async ({ db }) => {
  let isDown = true;
  const { flow, runs } = chunkFlow({ size: 10 }, () => {
    if (isDown) fail('transient', { maybeApplied: true });
    return null;
  });
  const { id, engine } = await runFlow(db, flow, 600, { concurrency: 1 });
  await jobWhen(db, id, finished);
  isDown = false;
  runs.length = 0;
  const indexes = Array.from({ length: 600 }, (_, n) => n).filter((n) => n % 10 !== 9);

  await requeue(db, id, 0, { statuses: ['failed'], indexes }, 1);
  engine.wake();
  const job = await jobWhen(db, id, finished);

  expect(job.counts).toMatchObject({ retried_success: 540, failed: 60 });
  await engine.stop(0);
});

test('broken chunks are retried as they were also after their last attempt', async ({ db }) => {
  let isDown = true;
  const { flow, runs } = chunkFlow({ size: 4 }, (attempt) => {
    if (!isDown) return null;
    if (attempt.index === 4) fail('transient', { maybeApplied: true });
    return refusing(attempt, (n) => n === 1 || n === 10);
  });
  const { id, engine } = await runFlow(db, flow, 12, { concurrency: 1 });
  await jobWhen(db, id, finished);
  isDown = false;
  runs.length = 0;

  await requeue(db, id, 0, { statuses: ['failed'] }, 1);
  engine.wake();
  await jobWhen(db, id, finished);

  expect(runs).toEqual([
    [4, 5, 6, 7],
    [1, 10],
  ]);
  await engine.stop(0);
});

test('a chunk that broke finds out as a whole whether the trouble that paused the job is over', async ({
  db,
}) => {
  let calls = 0;
  const { flow, runs } = chunkFlow(
    { size: 10 },
    () => {
      calls++;
      if (calls <= 8) fail('transient', { connector: 'crm-system', maybeApplied: true });
      return null;
    },
    { retry: quickRetry(3) },
  );
  const circuit = () => ({ failures: 5, authFailures: 3, firstProbeMs: 50, longestProbeMs: 50 });

  const { id, engine } = await runFlow(
    db,
    flow,
    200,
    { concurrency: 2 },
    { openConnectors: async () => noConnectors({ circuit }) },
  );
  const job = await jobWhen(db, id, finished);

  expect(job.counts.succeeded).toBe(200);
  const others = new Map<number, Set<string>>();
  for (const indexes of runs.slice(0, calls)) {
    for (const index of indexes) others.set(index, (others.get(index) ?? new Set()).add(indexes.join()));
  }
  expect([...others].filter(([, sets]) => sets.size > 1)).toEqual([]);
  await engine.stop(0);
});

test('a half that finds the trouble lasting costs the other half of its chunk no attempt', async ({ db }) => {
  let isDown = true;
  const { flow, runs } = chunkFlow(
    { size: 4, onError: 'bisect' },
    (attempt) => {
      if (!isDown) return null;
      if (runs.length > 5 && numbersOf(attempt).length === 4) fail('data');
      fail('transient', { connector: 'crm-system' });
    },
    { retry: quickRetry(1) },
  );
  const circuit = () => ({ failures: 5, authFailures: 3, firstProbeMs: 50, longestProbeMs: 50 });
  const connectors = { openConnectors: async () => noConnectors({ circuit }) };
  const { id, engine } = await runFlow(db, flow, 20, { concurrency: 1 }, connectors);
  await jobWhen(db, id, ({ probes }) => probes >= 2);
  isDown = false;

  const job = await jobWhen(db, id, finished);

  expect(job.counts.succeeded).toBe(20);
  await engine.stop(0);
});

/** Waits until all that is left of a job has come back, and lets it come due. */
async function letComeDue(db: Database, id: string): Promise<void> {
  const left = (sql: Sql) => sql`job_id = ${id} and status <> 'succeeded'`;
  await expect
    .poll(async () => {
      const [row] = await db.run(
        (sql) => sql<{ isBack: boolean }[]>`
          select bool_and(status = 'pending') as "isBack" from records where ${left(sql)}`,
      );
      return row?.isBack;
    })
    .toBe(true);
  await db.run((sql) => sql`update records set not_before = now() where ${left(sql)} and not_before > now()`);
}

test.for([
  { way: 'a pause', pauses: true },
  { way: 'the end of its process', pauses: false },
])('a chunk that is cut off by $way comes back as it was', async ({ pauses }, { db }) => {
  let isCalled = () => {};
  const called = new Promise<void>((resolve) => {
    isCalled = resolve;
  });
  const busy: Failure = { ...refusal, class: 'transient' };
  const { flow, runs } = chunkFlow(
    { size: 2 },
    async (attempt) => {
      if (runs.length < 3) {
        const failure = { ...busy, retryAfterMs: attempt.index === 0 ? 60_000 : 20 };
        return refusing(attempt, (n) => n % 2 === 1, failure);
      }
      isCalled();
      if (runs.length === 3) await sleep(60_000, null, { signal: attempt.signal });
      return null;
    },
    { retry: quickRetry(3) },
  );
  const { id, engine } = await runFlow(db, flow, 4, { concurrency: 2 });
  await called;

  if (pauses) {
    await steerJob(db, id, { action: 'pause', now: true });
    engine.wake(id);
  } else await engine.stop(0);
  await letComeDue(db, id);
  if (pauses) await steerJob(db, id, { action: 'resume' });
  const next = pauses ? engine : testEngine(db, flow, { holder: 'next' });
  next.wake(id);
  await jobWhen(db, id, finished);

  expect(runs.slice(2)).toEqual([[3], [1], [3]]);
  await next.stop(0);
});

test('which records a run was about that was cut off stands with its first one only', async ({ db }) => {
  let isCalled = () => {};
  const called = new Promise<void>((resolve) => {
    isCalled = resolve;
  });
  const { flow } = chunkFlow({ size: 3 }, async ({ signal }) => {
    isCalled();
    return sleep(60_000, null, { signal });
  });
  const { id, engine } = await runFlow(db, flow, 3);
  await called;
  await steerJob(db, id, { action: 'pause', now: true });
  engine.wake(id);
  await jobWhen(db, id, ({ counts }) => counts.pending === 3);

  const rows = await db.run(
    (sql) => sql`select idx, progress->'indexes' as run from records where job_id = ${id} order by idx`,
  );

  expect(rows.map(({ idx, run }) => [idx, run])).toEqual([
    [0, [0, 1, 2]],
    [1, null],
    [2, null],
  ]);
  await stopJob(db, id, 'cancelled', 'cancelled');
  engine.wake(id);
  await jobWhen(db, id, finished);
  await engine.stop(0);
});

test('max_failures stops within the records that are under way', async ({ db }) => {
  const { flow, runs } = chunkFlow({ size: 10 }, async () => {
    await sleep(1);
    fail('data');
  });
  const policy = { continueOnError: true, onRecordFailure: 'log', maxFailures: 5 } as const;

  const { id, engine } = await runFlow(db, flow, 400, { concurrency: 2, policy });
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ status: 'failed', stopReason: 'max_failures' });
  expect(job.counts.failed).toBe(10 * runs.length);
  expect(job.counts.failed).toBeLessThanOrEqual(20);
  await engine.stop(0);
});

test('started minus committed stays within twice the concurrency times the size', async ({ db }) => {
  let started = 0;
  let widest = 0;
  const { flow } = chunkFlow({ size: 5 }, async (attempt) => {
    started += numbersOf(attempt).length;
    const soFar = started;
    const [row] = await db.run(
      (sql) => sql`select sum(succeeded)::int as committed from batch_jobs where label = 'chunk bound'`,
    );
    widest = Math.max(widest, soFar - Number(row?.committed));
    return null;
  });

  const { id, engine } = await runFlow(db, flow, 300, { concurrency: 3, label: 'chunk bound' });
  await jobWhen(db, id, finished);

  expect(widest).toBeLessThanOrEqual(30);
  expect(widest).toBeGreaterThan(15);
  await engine.stop(0);
});

test('records that are suspected of killing their process run as chunks of one', async ({ db }) => {
  const { flow, runs } = chunkFlow({ size: 10 });
  const { id, engine } = await runFlow(
    db,
    flow,
    4,
    { holder: 'nobody', leaseMs: 0 },
    { runsJobs: () => false },
  );
  await db.run((sql) => sql`update records set not_before = 'infinity' where job_id = ${id} and idx > 1`);
  await engine.stop(0);

  const { engine: other } = await runFlow(db, flow, 1, { holder: 'nobody', leaseMs: 0 });
  other.wake();
  await jobWhen(db, id, finished);

  expect(runs.filter((indexes) => indexes.length !== 1 || indexes[0] !== 0)).toEqual([[0, 1], [2], [3]]);
  await other.stop(0);
});

test('what a chunk has done is known to the next run of the same records only', async ({ db }) => {
  const seen: unknown[] = [];
  let isDown = true;
  const { flow } = chunkFlow(
    { size: 3 },
    async ({ indexes, progress, checkpoint }) => {
      seen.push([indexes, progress]);
      if (progress?.results.sent === undefined) await checkpoint?.({ results: { sent: true } });
      if (isDown)
        throw new BrokenRun({ class: 'data', code: 'down', message: 'down' }, { results: { sent: true } });
      return null;
    },
    {},
  );
  const { id, engine } = await runFlow(db, flow, 6, { concurrency: 1 });
  await jobWhen(db, id, finished);
  isDown = false;
  seen.length = 0;

  await requeue(db, id, 0, { statuses: ['failed'], indexes: [0, 1, 2, 4, 5] }, 1);
  engine.wake();
  await jobWhen(db, id, finished);

  expect(seen).toEqual([
    [[0, 1, 2], { results: { sent: true } }],
    [[4, 5], undefined],
  ]);
  await engine.stop(0);
});

test('a step of a chunk that keeps failing uses up its own retries', async ({ db }) => {
  const tries: number[] = [];
  const { flow } = chunkFlow({ size: 4 }, ({ progress }) => {
    const before = progress?.failing?.send ?? 0;
    tries.push(before);
    throw new BrokenRun(
      { class: 'transient', code: 'down', message: 'down' },
      { results: {}, failing: { send: before + 1 } },
      { policy: quickRetry(2), tries: before },
    );
  });

  const { id, engine } = await runFlow(db, flow, 4);
  const job = await jobWhen(db, id, finished);

  expect(tries).toEqual([0, 1, 2]);
  expect(job.counts.failed).toBe(4);
  await engine.stop(0);
});

test('a chunk that is refused for its credentials is not halved: smaller ones would be refused as well', async ({
  db,
}) => {
  const { flow, runs } = chunkFlow({ size: 10, onError: 'bisect' }, () => fail('auth'));

  const { id, engine } = await runFlow(db, flow, 10, { concurrency: 1 });
  const job = await jobWhen(db, id, finished);

  expect(job.counts.failed).toBe(10);
  expect(runs).toHaveLength(1);
  await engine.stop(0);
});

test('of a result beyond 256 KiB size and beginning are kept, for each record of a chunk', async ({ db }) => {
  const large = 'x'.repeat(300 * 1024);
  const { flow } = chunkFlow({ size: 2 }, () => ['small', large]);

  const { id, engine } = await runFlow(db, flow, 2, { concurrency: 1 });
  await jobWhen(db, id, finished);

  expect((await rowsOf(db, id)).map(({ result }) => result)).toEqual([
    'small',
    { truncated: true, bytes: 300 * 1024 + 2, beginning: `"${'x'.repeat(999)}` },
  ]);
  await engine.stop(0);
});

const refusal: Failure = {
  class: 'data',
  code: 'item_failed',
  message: 'refused',
  untrustedMessage: 'taken',
};

/** What a target answers that refuses some of the records. */
const refusing = (attempt: Attempt, isRefused: (n: number) => boolean, failure = refusal) =>
  new ChunkResult(numbersOf(attempt).map((n) => (isRefused(n) ? { failure } : { result: { id: n } })));

test('records that an answer names fail alone, and nothing is sent again', async ({ db }) => {
  const { flow, runs } = chunkFlow({ size: 10, onError: 'bisect' }, (attempt) =>
    refusing(attempt, (n) => n % 10 === 7),
  );

  const { id, engine } = await runFlow(db, flow, 30);
  const job = await jobWhen(db, id, finished);

  expect(job.counts).toMatchObject({ succeeded: 27, failed: 3 });
  expect(runs).toHaveLength(3);
  const rows = await rowsOf(db, id);
  expect(rows.filter(({ status }) => status === 'failed').map(({ idx }) => idx)).toEqual([7, 17, 27]);
  expect(rows[8]).toMatchObject({ result: { id: 8 }, attempts: 1 });
  await engine.stop(0);
});

test('records that an answer names as failed for a while come back in another chunk, as another call', async ({
  db,
}) => {
  const members: (readonly string[])[] = [];
  const busy: Failure = { ...refusal, class: 'transient' };
  const { flow } = chunkFlow(
    { size: 4 },
    (attempt) => {
      members.push(attempt.members ?? []);
      return refusing(attempt, (n) => n === 3 || (n === 1 && members.length < 3), busy);
    },
    { retry: quickRetry(2) },
  );

  const { id, engine } = await runFlow(db, flow, 4, { concurrency: 1 });
  const job = await jobWhen(db, id, finished);

  expect(members).toEqual([
    ['0', '1', '2', '3'],
    ['1x1', '3x1'],
    ['1x2', '3x2'],
  ]);
  expect(job.counts).toMatchObject({ succeeded: 3, failed: 1 });
  expect((await rowsOf(db, id)).map(({ attempts }) => attempts)).toEqual([1, 3, 1, 3]);
  await engine.stop(0);
});

test('a retry of what an answer has refused is another call, and one that broke is the same call', async ({
  db,
}) => {
  const members: (readonly string[])[] = [];
  const calls: ((attempt: Attempt) => FlowResult)[] = [
    (attempt) => refusing(attempt, () => true),
    () => fail('transient'),
    () => fail('data'),
    () => null,
  ];
  const { flow } = chunkFlow(
    { size: 2 },
    (attempt) => {
      members.push(attempt.members ?? []);
      return calls[members.length - 1]?.(attempt) ?? null;
    },
    { retry: quickRetry(1) },
  );
  const { id, engine } = await runFlow(db, flow, 2, { concurrency: 1 });
  await jobWhen(db, id, finished);

  for (const wave of [0, 1]) {
    await requeue(db, id, wave, { statuses: ['failed', 'retried_failed'] }, wave + 1);
    engine.wake();
    await jobWhen(db, id, finished);
  }

  expect(members).toEqual([
    ['0', '1'],
    ['0x1', '1x1'],
    ['0x1', '1x1'],
    ['0x1', '1x1'],
  ]);
  await engine.stop(0);
});

test('what a refused record has left of a checkpoint is forgotten', async ({ db }) => {
  const seen: unknown[] = [];
  const { flow } = chunkFlow(
    { size: 1 },
    async (attempt) => {
      seen.push(attempt.progress?.results);
      await attempt.checkpoint?.({ results: { send: 'the old answer' } });
      return refusing(attempt, () => true, { ...refusal, class: 'transient' });
    },
    { retry: quickRetry(1) },
  );

  const { id, engine } = await runFlow(db, flow, 1);
  await jobWhen(db, id, finished);

  expect(seen).toEqual([undefined, undefined]);
  await engine.stop(0);
});

test('a checkpoint of a later call does not forget how often records were refused', async ({ db }) => {
  const kept: unknown[] = [];
  const { flow } = chunkFlow(
    { size: 1 },
    async (attempt) => {
      await attempt.checkpoint?.({ results: {} });
      const rows = await db.run(
        (sql) => sql`select progress from records where job_id = ${attempt.batchJobId}`,
      );
      kept.push(rows[0]?.progress);
      return refusing(attempt, () => kept.length === 1, { ...refusal, class: 'transient' });
    },
    { retry: quickRetry(2) },
  );

  const { id, engine } = await runFlow(db, flow, 1);
  await jobWhen(db, id, finished);

  expect(kept).toEqual([
    { results: {}, indexes: [0] },
    { results: {}, indexes: [0], refused: 1 },
  ]);
  await engine.stop(0);
});

test('a refused record counts where a job stops at failures, and the others of its chunk have succeeded', async ({
  db,
}) => {
  const { flow } = chunkFlow({ size: 5 }, (attempt) => refusing(attempt, (n) => n === 1));
  const policy = { continueOnError: false, onRecordFailure: 'log', maxFailures: null } as const;

  const { id, engine } = await runFlow(db, flow, 50, { concurrency: 1, policy });
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ status: 'failed', stopReason: 'first_failure' });
  expect(job.counts).toMatchObject({ succeeded: 4, failed: 1, skipped: 45 });
  await engine.stop(0);
});

test('what may have arrived is not sent once more to find the bad records', async ({ db }) => {
  const { flow, runs } = chunkFlow({ size: 10, onError: 'bisect' }, () =>
    fail('data', { maybeApplied: true }),
  );

  const { id, engine } = await runFlow(db, flow, 10);
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ counts: { failed: 10 }, maybeApplied: 10 });
  expect(runs).toHaveLength(1);
  await engine.stop(0);
});

test('a patched record makes the chunk another call', async ({ db }) => {
  const members: (readonly string[])[] = [];
  const { flow } = chunkFlow({ size: 3 }, (attempt) => {
    members.push(attempt.members ?? []);
    return members.length === 1 ? fail('data') : null;
  });
  const { id, engine } = await runFlow(db, flow, 3, { concurrency: 1 });
  await jobWhen(db, id, finished);

  await requeue(db, id, 0, { statuses: ['failed'] }, 1);
  await db.run((sql) => sql`update records set revision = 1 where job_id = ${id} and idx = 2`);
  engine.wake();
  await jobWhen(db, id, finished);

  expect(members).toEqual([
    ['0', '1', '2'],
    ['0', '1', '2r1'],
  ]);
  await engine.stop(0);
});

test('what an answer says of a record shows nothing of its redacted fields', async ({ db }) => {
  const { flow } = chunkFlow(
    { size: 2 },
    (attempt) => refusing(attempt, () => true, { ...refusal, untrustedMessage: 'no 1234567 here' }),
    { redact: ['secret'] },
  );
  const records = ['1234567', 'other'].map((secret, n) => ({
    id: null,
    json: JSON.stringify({ n, secret }),
  }));

  const { id, engine } = await runFlow(db, flow, 0, { records });
  await jobWhen(db, id, finished);

  const said = await db.run(
    (sql) => sql<{ said: string }[]>`
    select failure->>'untrustedMessage' as said from records where job_id = ${id} order by idx`,
  );
  expect(said.map((row) => row.said)).toEqual(['no [redacted] here', 'no 1234567 here']);
  await engine.stop(0);
});

test.for([
  { count: 3500, size: 70, concurrency: 14 },
  { count: 4200, size: 300, concurrency: 4 },
  { count: 4000, size: 1000, concurrency: 2 },
])('an outage takes no chunk of $size apart: each is run again as it was', async (plan, { db }) => {
  const { count, size, concurrency } = plan;
  const until = performance.now() + 400;
  const { flow, runs } = chunkFlow(
    { size },
    async () => {
      await sleep(30);
      if (performance.now() < until) fail('transient');
      return null;
    },
    { retry: { ...quickRetry(50, 100), jitter: true } },
  );

  const { id, engine } = await runFlow(db, flow, count, { concurrency });
  const job = await jobWhen(db, id, finished);

  expect(job.counts.succeeded).toBe(count);
  expect(new Set(runs.map((indexes) => indexes.join())).size).toBe(Math.ceil(count / size));
  await engine.stop(0);
});

test('the answer that all records of a chunk share shows nothing of the redacted fields of any', async ({
  db,
}) => {
  const { flow } = chunkFlow(
    { size: 2 },
    ({ payload, index }) => (index < 2 ? { created: payload } : new ChunkResult([{ result: payload }])),
    { redact: ['secret'] },
  );
  const secrets = ['jane@example.com', 'joe@example.com', 'jim@example.com'];
  const records = secrets.map((secret) => ({ id: null, json: JSON.stringify({ secret }) }));

  const { id, engine } = await runFlow(db, flow, 0, { records });
  await jobWhen(db, id, finished);

  const results = (await rowsOf(db, id)).map(({ result }) => result);
  const unseen = { secret: '[redacted]' };
  expect(results).toEqual([{ created: [unseen, unseen] }, { created: [unseen, unseen] }, [unseen]]);
  await engine.stop(0);
});
