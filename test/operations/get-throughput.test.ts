import { expect } from 'vitest';
import type { OperationContext } from '../../src/operations/context.ts';
import { getThroughput } from '../../src/operations/get-throughput.ts';
import { createJob } from '../../src/store/create-job.ts';
import type { Database } from '../../src/store/database.ts';
import { test } from '../support/database.ts';
import { newJob } from '../support/jobs.ts';

const count = 1000;

/** A job that has ended, a record every `everySeconds`, each tenth of which has failed. */
async function endedJob(db: Database, everySeconds: number): Promise<string> {
  const job = newJob(count);
  await createJob(db, job);
  await db.run(
    (sql) => sql`
      update records set settled_at = timestamptz '2026-01-01' + idx * ${everySeconds}::float8 * interval '1 second',
        status = case when idx % 10 = 0 then 'failed' else 'succeeded' end::record_status
      where job_id = ${job.id}`,
  );
  await db.run(
    (sql) => sql`
      update batch_jobs set pending = 0, succeeded = ${count - count / 10}, failed = ${count / 10},
        status = 'completed_with_errors', started_at = timestamptz '2026-01-01',
        finished_at = timestamptz '2026-01-01' + ${count * everySeconds}::float8 * interval '1 second'
      where id = ${job.id}`,
  );
  return job.id;
}

test.for([0.001, 0.5, 60, 7200])(
  'a record every %d s makes a few equal stretches, which add up',
  async (everySeconds, { db }) => {
    const batch_job_id = await endedJob(db, everySeconds);
    const context = { open: async () => ({ db }) } as unknown as OperationContext;

    const { step_seconds, stretches } = await getThroughput.run(context, { batch_job_id });

    const sum = (key: 'done' | 'failed') => stretches.reduce((total, stretch) => total + stretch[key], 0);
    expect([sum('done'), sum('failed')]).toEqual([count, count / 10]);
    expect(stretches.length).toBeGreaterThan(1);
    expect(stretches.length).toBeLessThanOrEqual(150);
    const begins = stretches.map(({ at }) => Date.parse(at) / 1000);
    const gaps = begins.slice(1).map((at, n) => at - (begins[n] ?? 0));
    // Between stretches in which something was settled there may be some in which nothing was.
    for (const gap of gaps) expect(gap).toBeGreaterThan(step_seconds * 0.99);
  },
);
