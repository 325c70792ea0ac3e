import { expect } from 'vitest';
import { claimRecords } from '../../src/store/claims.ts';
import { finishJob, skipPending, stopJob } from '../../src/store/control.ts';
import { findSameWork } from '../../src/store/jobs.ts';
import { saveSettlements } from '../../src/store/settlements.ts';
import { test } from '../support/database.ts';
import { newJob, startJob } from '../support/jobs.ts';

test.for([
  ['before any record ran', 0],
  ['after one record ran', 1],
])('a job that was cancelled %s is the same work only if it did any', async ([, ran], { db }) => {
  const job = newJob(2);
  const { id, flow, sourceDigest } = job;
  const lease = await startJob(db, job);
  const claimed = await claimRecords(db, { lease, claims: 0, limit: Number(ran), fresh: true });
  const done = { status: 'succeeded', result: null } as const;
  const settled = claimed?.records.map((record) => ({ record, settlement: done })) ?? [];
  if (ran === 1) await saveSettlements(db, lease, settled);

  expect((await findSameWork(db, flow.name, sourceDigest))?.id).toBe(id);

  await stopJob(db, id, 'cancelled', 'cancelled');
  await skipPending(db, id);
  await finishJob(db, id);

  expect((await findSameWork(db, flow.name, sourceDigest))?.id).toBe(ran === 1 ? id : undefined);
});
