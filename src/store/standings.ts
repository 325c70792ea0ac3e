import type { JobStatus, RecordCounts } from '../domain/job.ts';
import type { Database } from './database.ts';
import { ownedBy } from './owner.ts';

/** How far a job has come, and nothing else: it is read again and again. */
export interface Standing {
  readonly id: string;
  readonly status: JobStatus;
  readonly isFinished: boolean;
  readonly wave: number;
  readonly total: number;
  readonly counts: RecordCounts;
}

/** Those of the jobs that are there; in no particular order. */
export async function readStandings(db: Database, batchJobIds: readonly string[]): Promise<Standing[]> {
  return db.run(
    (sql) => sql<Standing[]>`
      select id, status, finished_at is not null as "isFinished", wave::int, total,
        json_build_object('pending', pending, 'processing', processing, 'succeeded', succeeded, 'failed', failed,
          'retried_success', retried_success, 'retried_failed', retried_failed, 'skipped', skipped) as counts
      from batch_jobs job
      where id = any(array(select json_array_elements_text(${JSON.stringify(batchJobIds)}::text::json))::uuid[])
        and ${ownedBy(sql, db.owner)}`,
  );
}
