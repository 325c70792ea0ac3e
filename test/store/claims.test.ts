import { expect } from 'vitest';
import type { ClaimedRecord } from '../../src/domain/record.ts';
import { type ClaimRequest, claimAlone, claimRecords, nextDueInMs } from '../../src/store/claims.ts';
import { stopJob } from '../../src/store/control.ts';
import type { Database } from '../../src/store/database.ts';
import { acquireLease, releaseLease, renewLease } from '../../src/store/leases.ts';
import { rescueRecords, returnLostClaim } from '../../src/store/rescue.ts';
import { saveSettlements } from '../../src/store/settlements.ts';
import { test } from '../support/database.ts';
import { countersOf, countRows, failureOf, letLapse, newJob, startJob } from '../support/jobs.ts';

const claimOf = (claims: number, limit: number) => ({ claims, limit, fresh: true });
const indexes = (records: readonly ClaimedRecord[] | undefined) => records?.map(({ index }) => index);
/** A claim and the records it took. */
const take = async (db: Database, request: ClaimRequest) => (await claimRecords(db, request))?.records;

test('a claim takes fresh records in the order of the input and moves the counters', async ({ db }) => {
  const lease = await startJob(db, newJob(5));

  const claimed = await take(db, { lease, ...claimOf(0, 3) });

  expect(indexes(claimed)).toEqual([0, 1, 2]);
  expect(claimed?.[0]).toMatchObject({ id: 'id-0', payload: { n: 0 }, tries: 0, wave: 0, claim: 0 });
  expect(await countRows(db, lease.batchJobId)).toEqual({ pending: 2, processing: 3 });
  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 2, processing: 3 });
});

test('retries that are due come before fresh records, and fill at most half a window', async ({ db }) => {
  const lease = await startJob(db, newJob(8));
  const first = (await take(db, { lease, ...claimOf(0, 4) })) ?? [];
  const again = { status: 'pending', failure: failureOf('transient'), retryInMs: -1 } as const;
  await saveSettlements(
    db,
    lease,
    first.map((record) => ({ record, settlement: again })),
  );

  const claimed = await take(db, { lease, ...claimOf(1, 4) });

  expect(indexes(claimed)).toEqual([0, 1, 4, 5]);
  expect(claimed?.map(({ tries }) => tries)).toEqual([1, 1, 0, 0]);
});

test('a retry that is not due yet is left alone, and its time is known', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  const [record] = (await take(db, { lease, ...claimOf(0, 1) })) ?? [];
  const later = { status: 'pending', failure: failureOf('transient'), retryInMs: 60_000 } as const;
  await saveSettlements(db, lease, [{ record: record!, settlement: later }]);

  expect(await take(db, { lease, ...claimOf(1, 1) })).toEqual([]);
  const due = await nextDueInMs(db, lease.batchJobId);
  expect(due).toBeGreaterThan(50_000);
  expect(due).toBeLessThanOrEqual(60_000);
});

test('a claim number that was used before claims nothing', async ({ db }) => {
  const lease = await startJob(db, newJob(4));
  await take(db, { lease, ...claimOf(0, 2) });

  expect(await take(db, { lease, ...claimOf(0, 2) })).toBeUndefined();
  expect(await countRows(db, lease.batchJobId)).toEqual({ pending: 2, processing: 2 });
});

test('what a lost claim took goes back uncounted, and the claim cannot come late', async ({ db }) => {
  const lease = await startJob(db, newJob(4));
  await take(db, { lease, ...claimOf(0, 2) });

  const next = await returnLostClaim(db, lease, 0, -1);

  expect(next).toBe(1);
  expect(await countRows(db, lease.batchJobId)).toEqual({ pending: 4 });
  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 4 });
  expect(await take(db, { lease, ...claimOf(0, 2) })).toBeUndefined();
  expect(indexes(await take(db, { lease, ...claimOf(1, 2) }))).toEqual([0, 1]);
});

test('a copy of what gives a lost claim back leaves the claim after it alone', async ({ db }) => {
  const lease = await startJob(db, newJob(4));
  const next = (await returnLostClaim(db, lease, 0, -1)) ?? -1;
  await take(db, { lease, ...claimOf(next, 3) });

  await returnLostClaim(db, lease, 0, -1);

  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 1, processing: 3 });
  expect(indexes(await take(db, { lease, ...claimOf(next + 1, 4) }))).toEqual([3]);
});

test('a lapsed lease claims nothing', async ({ db }) => {
  const lease = await startJob(db, newJob(2));
  await letLapse(db, lease.batchJobId);

  expect(await take(db, { lease, ...claimOf(0, 2) })).toBeUndefined();
});

test('a job that has ended or is paused hands out nothing', async ({ db }) => {
  const lease = await startJob(db, newJob(2));
  await stopJob(db, lease.batchJobId, 'cancelled', 'cancelled');

  expect(await take(db, { lease, ...claimOf(0, 2) })).toBeUndefined();
});

test('a lane is held by one process, and free once it lapses or is released', async ({ db }) => {
  const lease = await startJob(db, newJob(1));

  expect(await acquireLease(db, lease.batchJobId, 'other', 60_000)).toBeUndefined();
  await letLapse(db, lease.batchJobId);
  const taken = await acquireLease(db, lease.batchJobId, 'other', 60_000);
  expect(taken?.token).not.toBe(lease.token);
  expect(await renewLease(db, lease, 60_000)).toBe(false);
  await releaseLease(db, lease);
  expect(await acquireLease(db, lease.batchJobId, 'third', 60_000)).toBeUndefined();
  await releaseLease(db, taken!);
  expect(await acquireLease(db, lease.batchJobId, 'third', 60_000)).toBeDefined();
});

test('the outcome of a lease that was taken over is refused', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  const [record] = (await take(db, { lease, ...claimOf(0, 1) })) ?? [];
  await letLapse(db, lease.batchJobId);
  const taken = await acquireLease(db, lease.batchJobId, 'other', 60_000);
  await rescueRecords(db, taken!, 10, true);

  await saveSettlements(db, lease, [
    { record: record!, settlement: { status: 'succeeded', result: 'late' } },
  ]);

  expect(await countRows(db, lease.batchJobId)).toEqual({ pending: 1 });
  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 1 });
});

test('a settlement sent twice counts once', async ({ db }) => {
  const lease = await startJob(db, newJob(2));
  const claimed = (await take(db, { lease, ...claimOf(0, 2) })) ?? [];
  const settled = claimed.map((record) => ({
    record,
    settlement: { status: 'succeeded', result: 1 } as const,
  }));

  await saveSettlements(db, lease, settled);
  await saveSettlements(db, lease, settled);

  expect(await countersOf(db, lease.batchJobId)).toEqual({ succeeded: 2 });
});

test('an outcome of an earlier claim does not settle the next attempt', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  const [first] = (await take(db, { lease, ...claimOf(0, 1) })) ?? [];
  await saveSettlements(db, lease, [{ record: first!, settlement: { status: 'pending', uncounted: true } }]);
  await take(db, { lease, ...claimOf(1, 1) });

  await saveSettlements(db, lease, [{ record: first!, settlement: { status: 'succeeded', result: 'late' } }]);

  expect(await countRows(db, lease.batchJobId)).toEqual({ processing: 1 });
});

test('of the records a dead process held, only those that may have run count a crash', async ({ db }) => {
  const lease = await startJob(db, newJob(6));
  await take(db, { lease, ...claimOf(0, 6) });
  await letLapse(db, lease.batchJobId);
  const taken = await acquireLease(db, lease.batchJobId, 'other', 60_000);

  const rescued = await rescueRecords(db, taken!, 2, true);

  expect(rescued).toBe(6);
  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 6 });
  const crashes = await db.run(
    (sql) =>
      sql<{ crashes: number }[]>`select crashes from records where job_id = ${lease.batchJobId} order by idx`,
  );
  expect(crashes.map((row) => row.crashes)).toEqual([1, 1, 0, 0, 0, 0]);
  const [job] = await db.run(
    (sql) => sql`select maybe_applied from batch_jobs where id = ${lease.batchJobId}`,
  );
  expect(job).toEqual({ maybe_applied: 2 });
});

test('what may have run is left to a person where lost answers are', async ({ db }) => {
  const lease = await startJob(db, newJob(5));
  await take(db, { lease, ...claimOf(0, 5) });
  await letLapse(db, lease.batchJobId);
  const taken = await acquireLease(db, lease.batchJobId, 'other', 60_000);

  await rescueRecords(db, taken!, 2, true, true);

  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 3, failed: 2 });
  expect(await countRows(db, lease.batchJobId)).toEqual({ pending: 3, failed: 2 });
  const failures = await db.run(
    (sql) => sql<{ code: string; lost: boolean }[]>`
      select failure->>'code' as code, (failure->>'maybeApplied')::boolean as lost from records
      where job_id = ${lease.batchJobId} and status = 'failed'`,
  );
  expect([...failures]).toEqual([
    { code: 'answer_lost', lost: true },
    { code: 'answer_lost', lost: true },
  ]);
});

test('from its second crash a record runs alone, and fails as poison when it crashes alone', async ({
  db,
}) => {
  const job = newJob(2);
  let lease = await startJob(db, job);
  for (const round of [1, 2]) {
    await take(db, { lease, ...claimOf(0, 1) });
    await letLapse(db, job.id);
    lease = (await acquireLease(db, job.id, `holder ${round}`, 60_000))!;
    await rescueRecords(db, lease, 10, true);
  }

  expect(indexes(await take(db, { lease, ...claimOf(0, 10) }))).toEqual([1]);
  expect(indexes((await claimAlone(db, lease, 1))?.records)).toEqual([0]);
  await letLapse(db, job.id);
  lease = (await acquireLease(db, job.id, 'last', 60_000))!;
  await rescueRecords(db, lease, 10, true);

  const [poisoned] = await db.run(
    (sql) => sql`select status, failure->>'code' as code from records where job_id = ${job.id} and idx = 0`,
  );
  expect(poisoned).toEqual({ status: 'failed', code: 'poison' });
  expect(await countersOf(db, job.id)).toEqual({ pending: 1, failed: 1 });
});
