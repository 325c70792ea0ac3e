import type { Database } from './database.ts';

/** What was settled in one stretch of time; a record that was retried counts where it was settled last. */
export interface Stretch {
  /** When it begins, in seconds since 1970. */
  readonly at: number;
  readonly done: number;
  /** Of those done. */
  readonly failed: number;
}

/** Stretches of `stepSeconds` in which something was settled, in their order. Reads all records of the job. */
export async function readThroughput(
  db: Database,
  batchJobId: string,
  stepSeconds: number,
): Promise<Stretch[]> {
  return db.run(
    (sql) => sql<Stretch[]>`
      select
        floor(extract(epoch from settled_at)::float8 / ${stepSeconds}::float8) * ${stepSeconds}::float8 as at,
        count(*)::int as done,
        count(*) filter (where status in ('failed', 'retried_failed'))::int as failed
      from records
      where job_id = ${batchJobId} and settled_at is not null
        and status in ('succeeded', 'failed', 'retried_success', 'retried_failed')
      group by 1
      order by 1`,
  );
}
