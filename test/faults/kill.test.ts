import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Arena, someRecords, test, writeRecords } from './arena.ts';
import { killRepeatedly } from './kill-rounds.ts';
import { expectAllDone, jobFinished, onlyJob, readJob, repeatedCalls } from './witness.ts';

const concurrency = 5;
const leaseMs = 1000;

// By itself, since it measures how long a take-over takes.
test('a server killed four times in mid-batch loses nothing and repeats little', {
  timeout: 60_000,
}, async ({ arena }) => {
  const { batchJobId, takeOvers, contradictions } = await killRepeatedly(arena, {
    records: 300,
    kills: 4,
    concurrency,
  });

  await expectAllDone(arena, batchJobId, 300);
  expect(contradictions).toEqual([]);
  expect(repeatedCalls(arena.target)).toBeLessThanOrEqual(2 * concurrency * 4);
  expect(Math.max(...takeOvers)).toBeLessThanOrEqual(leaseMs + 2000);
});

test.concurrent('a server that cannot save what it has done stops calling, so that its end repeats little', async ({
  arena,
}) => {
  const sluice = await arena.start();
  await sluice.call('start_batch', { flow_id: 'import', concurrency, records: someRecords(200) });
  const batchJobId = await onlyJob(arena.db);
  await arena.target.reached(40);

  arena.proxy.holdBack();
  // Fifty times as long as the target takes.
  await sleep(250);
  await sluice.kill();
  arena.proxy.restore();
  await arena.start();
  await jobFinished(arena.db, batchJobId);

  await expectAllDone(arena, batchJobId, 200);
  expect(repeatedCalls(arena.target)).toBeGreaterThan(0);
  expect(repeatedCalls(arena.target)).toBeLessThanOrEqual(2 * concurrency);
});

test.concurrent('a kill counts for all that ran before the concurrency was lowered: none is sent again', async ({
  arena,
}) => {
  appendFileSync(join(arena.home, 'flows/connectors.yaml'), '  retry_lost_answers: false\n');
  arena.answer = () => ({ kind: 'hang' });
  const sluice = await arena.start();
  const { batch_job_id } = await sluice.call('start_batch', {
    flow_id: 'import',
    concurrency: 10,
    records: someRecords(40),
  });
  await arena.target.reached(10);
  await sluice.call('update_batch', { batch_job_id, concurrency: 1 });

  await sluice.kill();
  arena.answer = () => ({ kind: 'ok' });
  await arena.start();

  // Twice the concurrency may have run; nobody can tell more.
  expect(await jobFinished(arena.db, batch_job_id)).toMatchObject({ succeeded: 20, failed: 20 });
  expect(repeatedCalls(arena.target)).toBe(0);
});

/** A server that kills itself may be gone before it has answered. */
function ignoreClosed(error: unknown): void {
  if (!String(error).includes('Connection closed')) throw error;
}

/** Starts a job in a server that will kill itself, and returns when it has. */
async function startAndDie(arena: Arena, faults: string, args: Record<string, unknown>): Promise<string> {
  const doomed = await arena.start({ SLUICE_FAULTS: faults });
  const answered = doomed.call('start_batch', { flow_id: 'import', concurrency, ...args });
  await Promise.race([doomed.exited, answered]).catch(ignoreClosed);
  await doomed.exited;
  return onlyJob(arena.db);
}

test.concurrent.for(['after_claim#2', 'after_call@17', 'before_commit#3'])(
  'a server that dies at %s leaves nothing behind that the next one cannot finish',
  async (faults, { arena }) => {
    const batchJobId = await startAndDie(arena, faults, { records: someRecords(60) });
    expect(await readJob(arena.db, batchJobId)).toMatchObject({ finished: false });

    await arena.start();
    await jobFinished(arena.db, batchJobId);

    await expectAllDone(arena, batchJobId, 60);
    expect(repeatedCalls(arena.target)).toBeLessThanOrEqual(2 * concurrency);
  },
);

test.concurrent('a server that dies while it reads a file is followed by one that reads on', async ({
  arena,
}) => {
  const path = writeRecords(arena.home, 120, 100_000);
  const batchJobId = await startAndDie(arena, 'in_intake', { source: { path } });
  const { total } = await readJob(arena.db, batchJobId);
  expect(total).toBeGreaterThan(0);
  expect(total).toBeLessThan(120);

  await arena.start();
  await jobFinished(arena.db, batchJobId);

  await expectAllDone(arena, batchJobId, 120);
  expect(repeatedCalls(arena.target)).toBe(0);
});

test.concurrent('a server that dies while it takes over is followed by one that does', async ({ arena }) => {
  const batchJobId = await startAndDie(arena, 'before_call@17', { records: someRecords(60) });

  await (await arena.start({ SLUICE_FAULTS: 'in_rescue' })).exited;
  await arena.start();
  await jobFinished(arena.db, batchJobId);

  await expectAllDone(arena, batchJobId, 60);
  expect(repeatedCalls(arena.target)).toBeLessThanOrEqual(2 * concurrency);
});

test.concurrent('a server that dies while it skips the rest of a cancelled job is followed by one that does', async ({
  arena,
}) => {
  const path = writeRecords(arena.home, 6000);
  const doomed = await arena.start({ SLUICE_FAULTS: 'in_skip' });
  await doomed.call('start_batch', { flow_id: 'import', concurrency, source: { path } });
  const batchJobId = await onlyJob(arena.db);
  await arena.target.reached(20);
  // It may be gone before it has answered.
  await doomed.call('update_batch', { batch_job_id: batchJobId, action: 'cancel' }).catch(ignoreClosed);
  await doomed.exited;
  const { finished, pending, skipped } = await readJob(arena.db, batchJobId);
  expect({ finished, some: pending > 0, most: skipped >= 5000 }).toEqual({
    finished: false,
    some: true,
    most: true,
  });

  await arena.start();
  const job = await jobFinished(arena.db, batchJobId);

  expect(job.status).toBe('cancelled');
  expect(job.succeeded + job.skipped).toBe(6000);
  expect(job.succeeded).toBe(arena.target.hits.length);
});

test.concurrent('a record that kills its process each time ends as poison and harms no other', {
  timeout: 60_000,
}, async ({ arena }) => {
  const faults = { SLUICE_FAULTS: 'before_call@17' };
  const first = await arena.start(faults);
  first
    .call('start_batch', { flow_id: 'import', concurrency, records: someRecords(100) })
    .catch(ignoreClosed);
  const batchJobId = await onlyJob(arena.db);
  const finished = jobFinished(arena.db, batchJobId, 25_000);

  let starts = 1;
  let sluice = first;
  while ((await Promise.race([finished, sluice.exited])) === undefined) {
    starts++;
    sluice = await arena.start(faults);
  }

  expect(await finished).toMatchObject({ status: 'completed_with_errors', succeeded: 99, failed: 1 });
  expect(starts).toBeLessThanOrEqual(4);
  const rows = await arena.db.run(
    (sql) =>
      sql`select idx, failure->>'code' as code from records where job_id = ${batchJobId} and status = 'failed'`,
  );
  expect(rows).toEqual([{ idx: 17, code: 'poison' }]);
  expect(new Set(arena.target.hits.map(({ id }) => id)).size).toBe(99);
});
