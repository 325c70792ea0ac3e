import postgres from 'postgres';
import { expect } from 'vitest';
import type { ClaimedRecord, Settlement } from '../../src/domain/record.ts';
import { claimRecords } from '../../src/store/claims.ts';
import type { Database, DatabaseAddress } from '../../src/store/database.ts';
import { acquireLease, type Lease } from '../../src/store/leases.ts';
import { saveProgress } from '../../src/store/progress.ts';
import { rescueRecords } from '../../src/store/rescue.ts';
import { saveSettlements } from '../../src/store/settlements.ts';
import { test } from '../support/database.ts';
import { countersOf, countRows, letLapse, newJob, startJob } from '../support/jobs.ts';

// A statement that waits for its job sees the rows as they were before, and their places: another one may have
// written a row meanwhile, which then lies elsewhere.

/** Holds the job until all statements wait for it, so that each comes behind the one before. */
async function oneAfterTheOther(
  { db, address, lease }: { db: Database; address: DatabaseAddress; lease: Lease },
  statements: readonly (() => Promise<unknown>)[],
): Promise<unknown[]> {
  const holder = postgres({ ...address, max: 1, onnotice: () => {} });
  const begun: Promise<unknown>[] = [];
  await holder.begin(async (sql) => {
    await sql`select from batch_jobs where id = ${lease.batchJobId} for update`;
    for (const statement of statements) {
      begun.push(statement());
      await expect.poll(() => waiting(db)).toBe(begun.length);
    }
  });
  await holder.end();
  return Promise.all(begun);
}

async function waiting(db: Database): Promise<number> {
  const rows = await db.run(
    (sql) => sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rows.length;
}

async function claimOne(db: Database, lease: Lease, claims: number): Promise<ClaimedRecord> {
  const claimed = await claimRecords(db, { lease, claims, limit: 1, fresh: true });
  const record = claimed?.records[0];
  if (record === undefined) throw new Error('nothing was claimed');
  return record;
}

const handedBack: Settlement = { status: 'pending', uncounted: true };
const checkpoint = (record: ClaimedRecord) => [{ record, save: 1, json: '{"results":{"a":1}}' }];

test.for(['fresh', 'handed back before'])(
  'a record, %s, is settled behind a checkpoint of its own',
  async (kind, { db, address }) => {
    const lease = await startJob(db, newJob(1));
    let record = await claimOne(db, lease, 0);
    if (kind !== 'fresh') {
      await saveSettlements(db, lease, [{ record, settlement: handedBack }]);
      record = await claimOne(db, lease, 1);
    }

    await oneAfterTheOther({ db, address, lease }, [
      () => saveProgress(db, lease, checkpoint(record)),
      () => saveSettlements(db, lease, [{ record, settlement: handedBack }]),
    ]);

    expect(await countRows(db, lease.batchJobId)).toEqual({ pending: 1 });
    expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 1 });
  },
);

test('a checkpoint that is sent twice at once is kept, and both copies say so', async ({ db, address }) => {
  const lease = await startJob(db, newJob(1));
  const record = await claimOne(db, lease, 0);
  const save = () => saveProgress(db, lease, checkpoint(record));

  const kept = await oneAfterTheOther({ db, address, lease }, [save, save]);

  expect(kept).toEqual([new Set([0]), new Set([0])]);
});

test('a record is rescued behind a checkpoint of the process that has lost it', async ({ db, address }) => {
  const lease = await startJob(db, newJob(1));
  const record = await claimOne(db, lease, 0);
  await letLapse(db, lease.batchJobId);
  const next = await acquireLease(db, lease.batchJobId, 'other', 60_000);
  if (next === undefined) throw new Error('the lease has not lapsed');

  const [, rescued] = await oneAfterTheOther({ db, address, lease }, [
    () => saveProgress(db, lease, checkpoint(record)),
    () => rescueRecords(db, next, 10, true),
  ]);

  expect(rescued).toBe(1);
  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 1 });
});
