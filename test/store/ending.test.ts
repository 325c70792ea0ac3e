import { expect } from 'vitest';
import { claimRecords } from '../../src/store/claims.ts';
import { finishJob, stopJob } from '../../src/store/control.ts';
import type { Database } from '../../src/store/database.ts';
import { findDueEnding, listFinalRecords, readEndingResult, saveEnding } from '../../src/store/ending.ts';
import { findJob, readWorkload } from '../../src/store/jobs.ts';
import { acquireLease, type Lease, releaseLease } from '../../src/store/leases.ts';
import { saveSettlements } from '../../src/store/settlements.ts';
import { steerJob } from '../../src/store/steering.ts';
import { test } from '../support/database.ts';
import { failureOf, letLapse, newJob, requeue, startJob } from '../support/jobs.ts';

/** A job with an end part of which every record is done but those that are to fail. */
async function doneJob(db: Database, count = 2, failing = 0): Promise<Lease> {
  const lease = await startJob(db, newJob(count, { hasEnd: true }));
  const claimed = (await claimRecords(db, { lease, claims: 0, limit: count, fresh: true }))?.records ?? [];
  const settled = claimed.map((record) => ({
    record,
    settlement:
      record.index < failing
        ? ({ status: 'failed', failure: failureOf('data') } as const)
        : ({ status: 'succeeded', result: { n: record.index } } as const),
  }));
  await saveSettlements(db, lease, settled);
  return lease;
}

test('a job with an end part is not finished before it has run', async ({ db }) => {
  const lease = await doneJob(db);

  expect(await finishJob(db, lease.batchJobId)).toBeUndefined();
  expect(await findDueEnding(db, lease)).toMatchObject({
    wave: 0,
    status: 'completed',
    counts: { succeeded: 2, failed: 0 },
  });
  await saveEnding(db, lease, 0, { result: { mailed: true } });

  expect(await findDueEnding(db, lease)).toBeUndefined();
  expect(await finishJob(db, lease.batchJobId)).toBe('completed');
  expect(await readEndingResult(db, lease.batchJobId)).toEqual({ mailed: true });
});

test('an end part that failed makes completed_with_errors of completed, and changes nothing else', async ({
  db,
}) => {
  const lease = await doneJob(db);
  await saveEnding(db, lease, 0, { failure: failureOf('data') });
  expect(await finishJob(db, lease.batchJobId)).toBe('completed_with_errors');

  const cancelled = await doneJob(db);
  await stopJob(db, cancelled.batchJobId, 'cancelled', 'cancelled');
  expect(await findDueEnding(db, cancelled)).toMatchObject({ status: 'cancelled' });
  await saveEnding(db, cancelled, 0, { failure: failureOf('data') });
  expect(await finishJob(db, cancelled.batchJobId)).toBe('cancelled');
});

test('what an end part came to is written once, for its wave, under the lease', async ({ db }) => {
  const lease = await doneJob(db);
  await saveEnding(db, lease, 1, { result: 'another wave' });
  expect(await readEndingResult(db, lease.batchJobId)).toBeNull();

  await saveEnding(db, lease, 0, { result: 'first' });
  await saveEnding(db, lease, 0, { failure: failureOf('data') });
  expect(await readEndingResult(db, lease.batchJobId)).toBe('first');
  expect((await findJob(db, lease.batchJobId))?.endingFailure).toBeNull();

  const lost = await doneJob(db);
  await letLapse(db, lost.batchJobId);
  await acquireLease(db, lost.batchJobId, 'other', 60_000);
  expect(await findDueEnding(db, lost)).toBeUndefined();
  await saveEnding(db, lost, 0, { result: 'late' });
  expect((await findJob(db, lost.batchJobId))?.endingWave).toBeNull();
});

test('a paused job has no end that is due, and nobody is looked for to run it', async ({ db }) => {
  const lease = await doneJob(db);
  await steerJob(db, lease.batchJobId, { action: 'pause' });
  await letLapse(db, lease.batchJobId);

  expect(await findDueEnding(db, lease)).toBeUndefined();
  expect(await finishJob(db, lease.batchJobId)).toBeUndefined();
  const unheld = async () => (await readWorkload(db)).unheld.some(({ id }) => id === lease.batchJobId);
  expect(await unheld()).toBe(false);
  await steerJob(db, lease.batchJobId, { action: 'resume' });
  expect(await unheld()).toBe(true);
});

test('however many jobs rest, one that nobody runs is seen', async ({ db }) => {
  const before = await readWorkload(db);
  await Promise.all(Array.from({ length: 501 }, () => startJob(db, newJob(1, { awaitsApproval: true }))));
  const lease = await startJob(db, newJob(1));
  await releaseLease(db, lease);

  const after = await readWorkload(db);

  expect(after.unfinished - before.unfinished).toBe(502);
  expect(after.active - before.active).toBe(1);
  expect(after.unheld.map(({ id }) => id)).toContain(lease.batchJobId);
});

test('another wave owes an end of its own, also when only the end part had failed', async ({ db }) => {
  const lease = await doneJob(db);
  await saveEnding(db, lease, 0, { failure: failureOf('transient') });
  await finishJob(db, lease.batchJobId);
  const failed = { statuses: ['failed'] as const };

  expect(await requeue(db, lease.batchJobId, 0, failed, 1)).toBeUndefined();
  const again = await requeue(db, lease.batchJobId, 0, failed, 1, { endAgain: true });

  expect(again).toEqual({ selected: 0, wave: 1, readsOn: false });
  const retaken = (await acquireLease(db, lease.batchJobId, 'test', 60_000))!;
  expect(await findDueEnding(db, retaken)).toMatchObject({ wave: 1, status: 'completed' });
  await saveEnding(db, retaken, 1, { result: null });
  expect(await finishJob(db, lease.batchJobId)).toBe('completed');
  expect(await requeue(db, lease.batchJobId, 1, failed, 1, { endAgain: true })).toBeUndefined();
});

test('final records are read page by page in the order of the input', async ({ db }) => {
  const lease = await doneJob(db, 5, 1);

  const [failed, done] = await listFinalRecords(db, lease.batchJobId, 0, 2);
  const rest = await listFinalRecords(db, lease.batchJobId, 2, 10);

  expect(failed).toEqual({
    index: 0,
    id: 'id-0',
    status: 'failed',
    payload: { n: 0 },
    result: null,
    error: 'The test said so',
  });
  expect(done).toMatchObject({ index: 1, status: 'succeeded', result: { n: 1 }, error: null });
  expect(rest.map(({ index }) => index)).toEqual([2, 3, 4]);
});
