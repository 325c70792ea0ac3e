import { expect } from 'vitest';
import { standsStill } from '../../src/operations/once-finished.ts';
import { waitingFor } from '../../src/operations/waiting.ts';
import { setObstacle } from '../../src/store/control.ts';
import type { Database } from '../../src/store/database.ts';
import { findJob } from '../../src/store/jobs.ts';
import { test } from '../support/database.ts';
import { newJob, startJob } from '../support/jobs.ts';

test('a job that is only wound up waits for nothing that its records would need', async ({ db }) => {
  const { batchJobId } = await startJob(db, newJob(2));
  await setObstacle(db, batchJobId, 'crm needs CRM_TOKEN');

  const hindered = await look(db, batchJobId);
  await db.run((sql) => sql`update batch_jobs set status = 'cancelled' where id = ${batchJobId}`);
  const cancelled = await look(db, batchJobId);

  expect(hindered).toMatchObject({
    stands: true,
    waiting: { kind: 'connector', text: 'crm needs CRM_TOKEN' },
  });
  expect(cancelled).toEqual({ stands: false, waiting: undefined });
});

async function look(db: Database, batchJobId: string) {
  const job = await findJob(db, batchJobId);
  if (job === undefined) throw new Error('the job is there');
  return { stands: standsStill(job), waiting: await waitingFor(db, job) };
}
