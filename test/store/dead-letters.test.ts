import { expect } from 'vitest';
import { claimRecords } from '../../src/store/claims.ts';
import { finishJob, skipPending, stopJob } from '../../src/store/control.ts';
import type { Database } from '../../src/store/database.ts';
import { countDeadLetters, dropDeadLetters, listDeadLetters } from '../../src/store/dead-letters.ts';
import { listFailures } from '../../src/store/failures.ts';
import { acquireLease, type Lease } from '../../src/store/leases.ts';
import { type SettlementWishes, saveSettlements } from '../../src/store/settlements.ts';
import { test } from '../support/database.ts';
import { failureOf, newJob, requeue, startJob } from '../support/jobs.ts';

const wishes: SettlementWishes = {
  flowName: 'f',
  ordered: false,
  remembers: false,
  forgets: false,
  onFailure: 'dead-letter',
  callback: null,
};

async function claim(db: Database, lease: Lease, limit: number) {
  const claimed = await claimRecords(db, { lease, claims: 0, limit, fresh: true });
  if (claimed?.records.length !== limit) throw new Error('too few were claimed');
  return claimed.records;
}

test('dead letters whose retry is stopped are dead letters still, also one that had been handed back', async ({
  db,
}) => {
  const policy = { continueOnError: true, onRecordFailure: 'dead-letter', maxFailures: null } as const;
  const lease = await startJob(db, newJob(2, { policy }));
  const failed = { status: 'failed', failure: failureOf('data') } as const;
  const settled = (await claim(db, lease, 2)).map((record) => ({ record, settlement: failed }));
  await saveSettlements(db, lease, settled, wishes);
  await finishJob(db, lease.batchJobId);
  const before = await countDeadLetters(db);

  await requeue(db, lease.batchJobId, 0, { statuses: ['failed'] });
  const again = await acquireLease(db, lease.batchJobId, 'test', 60_000);
  if (again === undefined) throw new Error('the job is held');
  const during = await countDeadLetters(db);
  const [record] = await claim(db, again, 1);
  if (record === undefined) throw new Error('nothing was claimed');
  await saveSettlements(db, again, [{ record, settlement: { status: 'pending', uncounted: true } }], wishes);
  await stopJob(db, lease.batchJobId, 'cancelled', 'cancelled');
  await skipPending(db, lease.batchJobId);
  await finishJob(db, lease.batchJobId);

  expect([before, during, await countDeadLetters(db)]).toEqual([2, 0, 2]);
  expect(await listDeadLetters(db, { limit: 10 })).toMatchObject([
    { index: 0, status: 'skipped' },
    { index: 1, status: 'skipped' },
  ]);
  expect(await listFailures(db, lease.batchJobId, { after: -1, limit: 10, deadLetters: true })).toHaveLength(
    2,
  );
  expect(await dropDeadLetters(db, lease.batchJobId, 'all')).toBe(2);
});
