import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { Database } from '../../src/store/database.ts';
import type { SluiceProcess } from '../support/sluice-process.ts';
import { type Arena, someRecords, test, writeRecords } from './arena.ts';
import { endSessionsAgainAndAgain } from './end-sessions.ts';
import { expectAllDone, jobFinished, onlyJob, repeatedCalls, watchCounts } from './witness.ts';

const concurrency = 5;
const longLease = { SLUICE_LEASE_SECONDS: '15' };
const answerMs = 5000;
const stackTrace = /\n\s+at /;

/** Calls tools one after the other until told to stop, as an impatient client does. */
function keepAsking(sluice: SluiceProcess, batchJobId: string) {
  const refusals = new Set<string>();
  let slowestMs = 0;
  let asked = 0;
  let running = true;
  const asking = (async () => {
    while (running) {
      const [tool, args] =
        asked++ % 2 === 0 ? ['get_batch_status', { batch_job_id: batchJobId }] : ['list_batch_jobs', {}];
      const askedAt = performance.now();
      await sluice.call(String(tool), args as Record<string, unknown>).catch((error: unknown) => {
        refusals.add(/\[(\w+)\]/.exec(String(error))?.[1] ?? String(error));
      });
      slowestMs = Math.max(slowestMs, performance.now() - askedAt);
      await sleep(50);
    }
  })();
  return {
    async stop() {
      running = false;
      await asking;
      return { refusals: [...refusals], slowestMs, asked };
    },
  };
}

async function inMidBatch(arena: Arena, records: number, delayMs: number) {
  arena.answer = () => ({ kind: 'ok', delayMs });
  const sluice = await arena.start(longLease);
  await sluice.call('start_batch', { flow_id: 'import', concurrency, records: someRecords(records) });
  const batchJobId = await onlyJob(arena.db);
  await arena.target.reached(20);
  return { sluice, batchJobId };
}

test.concurrent('sessions that are ended every half second cost no record, no answer and no repeated call', {
  timeout: 60_000,
}, async ({ arena }) => {
  const { sluice, batchJobId } = await inMidBatch(arena, 600, 50);
  const watch = watchCounts(arena.db, batchJobId);
  const asking = keepAsking(sluice, batchJobId);
  const ending = endSessionsAgainAndAgain(arena.db, 500);

  await jobFinished(arena.db, batchJobId, 50_000);
  const ended = await ending.stop();
  const { refusals, slowestMs } = await asking.stop();

  expect(ended).toBeGreaterThan(10);
  expect(refusals).toEqual([]);
  expect(slowestMs).toBeLessThan(answerMs);
  expect(await watch.stop()).toEqual([]);
  await expectAllDone(arena, batchJobId, 600);
  expect(repeatedCalls(arena.target)).toBe(0);
  expect(sluice.stderr).not.toMatch(stackTrace);
});

test.concurrent.for<[string, (arena: Arena) => void]>([
  ['refuses connections', ({ proxy }) => proxy.refuse()],
  ['is silent', ({ proxy }) => proxy.holdBack()],
])('a database that %s for seven seconds holds a job up and harms nothing', async ([, fail], { arena }) => {
  const { sluice, batchJobId } = await inMidBatch(arena, 300, 20);
  const asking = keepAsking(sluice, batchJobId);

  fail(arena);
  await sleep(7000);
  arena.proxy.restore();
  await jobFinished(arena.db, batchJobId, 15_000);
  const { refusals, slowestMs } = await asking.stop();

  expect(slowestMs).toBeLessThan(answerMs);
  expect(refusals).toEqual(['database_unavailable']);
  await expectAllDone(arena, batchJobId, 300);
  expect(repeatedCalls(arena.target)).toBe(0);
  expect(sluice.stderr).not.toMatch(stackTrace);
});

test.concurrent('connections that die in silence are given up, and the job goes on over new ones', {
  timeout: 60_000,
}, async ({ arena }) => {
  const { batchJobId } = await inMidBatch(arena, 300, 20);

  arena.proxy.abandon();
  await jobFinished(arena.db, batchJobId, 40_000);

  await expectAllDone(arena, batchJobId, 300);
  expect(repeatedCalls(arena.target)).toBeLessThanOrEqual(2 * concurrency);
});

test.concurrent('statements whose answers get lost are neither forgotten nor counted twice', {
  timeout: 60_000,
}, async ({ arena }) => {
  arena.answer = () => ({ kind: 'ok', delayMs: 10 });
  const sluice = await arena.start(longLease);
  await sluice.call('list_batch_jobs');

  // Losses begin before the start, and the file is large enough to be read in several statements.
  let going = true;
  const losing = (async () => {
    for (let round = 0; going && arena.proxy.lost < 20; round++) {
      const { lost } = arena.proxy;
      arena.proxy.loseAnswer(round % 3);
      while (going && arena.proxy.lost === lost) await sleep(10);
      // Time to get on, so that what is lost next is something else.
      await sleep(100);
    }
  })();
  const path = writeRecords(arena.home, 250, 50_000);
  await sluice.call('start_batch', { flow_id: 'import', concurrency, source: { path } });
  const batchJobId = await onlyJob(arena.db);
  const watch = watchCounts(arena.db, batchJobId);
  await jobFinished(arena.db, batchJobId, 50_000);
  going = false;
  await losing;

  expect(arena.proxy.lost).toBeGreaterThan(5);
  expect(await watch.stop()).toEqual([]);
  await expectAllDone(arena, batchJobId, 250);
  expect(repeatedCalls(arena.target)).toBe(0);
});

test.concurrent('an answer that breaks off in the middle does not spoil the next one', async ({ arena }) => {
  const address = async () => ({ url: arena.databaseUrl });
  const db = new Database({ address, name: 'sluice broken', connections: 1, patienceMs: 5000 });
  await db.run((sql) => sql`select 1`);

  arena.proxy.loseAnswer(1);
  const rows = await db.run((sql) => sql`select n from generate_series(1, 50000) n`);
  await expect(db.run((sql) => sql`select 1 / (3 - n) from generate_series(1, 5) n`)).rejects.toThrow();
  const after = await db.run((sql) => sql`select 1 as one`);
  await db.close();

  expect([rows.length, rows[0]]).toEqual([50_000, { n: 1 }]);
  expect([...after]).toEqual([{ one: 1 }]);
});

test.concurrent('a call does its work once, whichever of its answers from the database is lost', async ({
  arena,
}) => {
  arena.answer = ({ attempt }) => (attempt === 1 ? { kind: 'status', status: 422 } : { kind: 'ok' });
  const sluice = await arena.start(longLease);
  await sluice.call('list_batch_jobs');

  for (let skip = 0; skip < 8; skip++) {
    arena.proxy.loseAnswer(skip);
    const { batch_job_id } = await sluice.call('start_batch', {
      flow_id: 'import',
      records: [{ id: `${skip}-a` }, { id: `${skip}-b` }],
      idempotency_key: `start-${skip}`,
    });
    expect(await jobFinished(arena.db, batch_job_id)).toMatchObject({ failed: 2, wave: 0 });

    arena.proxy.loseAnswer(skip);
    await sluice.call('retry_batch_failed_records', { batch_job_id });
    expect(await jobFinished(arena.db, batch_job_id)).toMatchObject({ retried_success: 2, wave: 1 });
  }

  expect((await sluice.call('list_batch_jobs', { limit: 50 })).jobs).toHaveLength(8);
  expect([...arena.target.hitsPerKey.values()].every((hits) => hits === 2)).toBe(true);
});

test.concurrent('a server that starts without its database says so, and works once it is there', async ({
  arena,
}) => {
  arena.proxy.refuse();
  const sluice = await arena.start();

  const askedAt = performance.now();
  await expect(sluice.call('list_batch_jobs')).rejects.toThrow('[database_unavailable]');
  expect(performance.now() - askedAt).toBeLessThan(answerMs);
  arena.proxy.restore();

  expect(await sluice.call('list_batch_jobs')).toMatchObject({ jobs: [] });
});
