import { expect } from 'vitest';
import type { Progress } from '../../src/domain/progress.ts';
import type { ClaimedRecord, Settlement } from '../../src/domain/record.ts';
import { claimRecords } from '../../src/store/claims.ts';
import { finishJob } from '../../src/store/control.ts';
import type { Database } from '../../src/store/database.ts';
import { acquireLease, type Lease } from '../../src/store/leases.ts';
import { saveProgress } from '../../src/store/progress.ts';
import { rescueRecords } from '../../src/store/rescue.ts';
import { saveSettlements } from '../../src/store/settlements.ts';
import { test } from '../support/database.ts';
import { failureOf, letLapse, newJob, requeue, startJob } from '../support/jobs.ts';

async function claimOne(db: Database, lease: Lease, claims = 0): Promise<ClaimedRecord> {
  const [record] = (await claimRecords(db, { lease, claims, limit: 1, fresh: true }))?.records ?? [];
  return record!;
}

async function progressOf(db: Database, lease: Lease): Promise<Progress | null> {
  const [row] = await db.run(
    (sql) => sql<{ progress: Progress | null }[]>`
      select progress from records where job_id = ${lease.batchJobId} and idx = 0`,
  );
  return row!.progress;
}

const save = (record: ClaimedRecord, number: number, json: string) => [{ record, save: number, json }];
const first = '{"results":{"a":1}}';

test('progress is kept while the record is under way, and the next claim brings it along', async ({ db }) => {
  const lease = await startJob(db, newJob(2));
  const record = await claimOne(db, lease);

  expect(await saveProgress(db, lease, save(record, 1, first))).toEqual(new Set([0]));
  await saveSettlements(db, lease, [{ record, settlement: { status: 'pending', uncounted: true } }]);

  expect((await claimOne(db, lease, 1)).progress).toEqual({ results: { a: 1 } });
});

test('a save that comes late does not undo a later one, and the next claim begins anew', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  const record = await claimOne(db, lease);
  await saveProgress(db, lease, save(record, 7, '{"results":{"a":1,"b":2}}'));

  expect(await saveProgress(db, lease, save(record, 6, first))).toEqual(new Set([0]));
  expect(await progressOf(db, lease)).toEqual({ results: { a: 1, b: 2 } });

  await saveSettlements(db, lease, [{ record, settlement: { status: 'pending', uncounted: true } }]);
  await saveProgress(db, lease, save(await claimOne(db, lease, 1), 1, first));
  expect(await progressOf(db, lease)).toEqual({ results: { a: 1 } });
});

test('progress of an earlier claim or a lost lease is refused', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  const stale = await claimOne(db, lease);
  await saveSettlements(db, lease, [{ record: stale, settlement: { status: 'pending', uncounted: true } }]);
  const record = await claimOne(db, lease, 1);

  expect(await saveProgress(db, lease, save(stale, 9, first))).toEqual(new Set());
  await letLapse(db, lease.batchJobId);
  const taken = (await acquireLease(db, lease.batchJobId, 'other', 60_000))!;
  await rescueRecords(db, taken, 1, true);
  expect(await saveProgress(db, lease, save(record, 9, first))).toEqual(new Set());
  expect(await progressOf(db, lease)).toBeNull();
});

const failure = failureOf('transient');
const left: Progress = { results: { b: 2 }, failing: { c: 1 } };
const kept: Progress = { results: { a: 1 } };

test.for<[string, Settlement, Progress | null]>([
  ['success clears it', { status: 'succeeded', result: 1 }, null],
  ['a final failure keeps what the run leaves', { status: 'failed', failure, progress: left }, left],
  ['a final failure that leaves nothing clears it', { status: 'failed', failure }, null],
  ['a retry keeps what the run leaves', { status: 'pending', failure, retryInMs: 1, progress: left }, left],
  ['a retry that leaves nothing keeps what was saved', { status: 'pending', failure, retryInMs: 1 }, kept],
  ['an interruption keeps what was saved', { status: 'pending', uncounted: true }, kept],
])('%s', async ([, settlement, expected], { db }) => {
  const lease = await startJob(db, newJob(1));
  const record = await claimOne(db, lease);
  await saveProgress(db, lease, save(record, 1, first));

  await saveSettlements(db, lease, [{ record, settlement }]);

  expect(await progressOf(db, lease)).toEqual(expected);
});

test('a retry of failed records keeps their results, and counts the failures of steps anew', async ({
  db,
}) => {
  const lease = await startJob(db, newJob(1));
  const record = await claimOne(db, lease);
  await saveSettlements(db, lease, [{ record, settlement: { status: 'failed', failure, progress: left } }]);
  await finishJob(db, lease.batchJobId);

  await requeue(db, lease.batchJobId, 0, { statuses: ['failed'] }, 1);

  const progress = await progressOf(db, lease);
  expect(progress?.results).toEqual({ b: 2 });
  expect(progress).not.toHaveProperty('failing');
});
