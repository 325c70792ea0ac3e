import type { Database } from './database.ts';
import { noting } from './job-events.ts';

/** Lets a job begin that waits for approval. False: it waits for none, or not any more. */
export async function approveJob(db: Database, batchJobId: string, approvedBy: string): Promise<boolean> {
  const rows = await db.run(
    (sql) => sql`
      with job as (
        update batch_jobs set
          status = case when started_at is null then 'pending' else 'processing' end::job_status,
          pause_kind = null, pause_message = null, paused_at = null, approved_by = ${approvedBy}
        where id = ${batchJobId} and finished_at is null and status = 'paused' and pause_kind = 'approval'
        returning id
      ), ${noting(sql, 'job', 'approved', sql`${`Approved by ${approvedBy}.`}::text`, db.actor)}
      select id from job`,
  );
  return rows.length === 1;
}
