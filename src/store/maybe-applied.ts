import type { RecordStatus } from '../domain/record.ts';
import type { Database } from './database.ts';

/** A record that has not succeeded, and whose last call may have reached the target all the same. */
export interface MaybeAppliedRecord {
  readonly index: number;
  readonly id: string | null;
  readonly status: RecordStatus;
}

/** The first of those records of a job, and how many there are at all. */
export async function listMaybeApplied(
  db: Database,
  batchJobId: string,
  limit: number,
): Promise<{ readonly count: number; readonly records: readonly MaybeAppliedRecord[] }> {
  // The attempts lead to the few records there are: of skipped records no index knows.
  const rows = await db.run(
    (sql) => sql<(MaybeAppliedRecord & { readonly count: number })[]>`
      select records.idx as index, record_id as id, status, count(*) over ()::int as count
      from (
        select distinct idx from failed_attempts where job_id = ${batchJobId} and failure->'maybeApplied' = 'true'
      ) as attempts
      join records on records.job_id = ${batchJobId} and records.idx = attempts.idx
      where status in ('failed', 'retried_failed', 'skipped') and failure->'maybeApplied' = 'true'
      order by records.idx limit ${limit}`,
  );
  return {
    count: rows[0]?.count ?? 0,
    records: rows.map(({ index, id, status }) => ({ index, id, status })),
  };
}
