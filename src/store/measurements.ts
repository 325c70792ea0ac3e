import type { JobStatus } from '../domain/job.ts';
import type { Database } from './database.ts';

/** How much there is to do in the whole database, whoever does it. */
export interface Measurements {
  /** Without the statuses that no job has. */
  readonly jobs: Partial<Record<JobStatus, number>>;
  /** Records of unfinished jobs. */
  readonly pending: number;
  readonly processing: number;
  /** Seconds since the job was started whose source is being read the longest; 0: none is. */
  readonly intakeLag: number;
  /** Seconds for which the record that is due the longest has been, in a job that may run; 0: none is. */
  readonly claimLag: number;
  /** Callbacks that wait for their next attempt, and those that were given up. */
  readonly deliveriesPending: number;
  readonly deliveriesFailed: number;
}

/** Rejects when the database does not answer within `deadlineMs`. */
export async function probe(db: Database, deadlineMs: number): Promise<void> {
  await db.run((sql) => sql`select`, deadlineMs);
}

/** `deadlineMs`: measuring is worth less than what is measured. */
export async function measure(db: Database, deadlineMs: number): Promise<Measurements> {
  const [row] = await db.run(
    (sql) => sql<Measurements[]>`
      with running as materialized (
        select id, created_at, coalesce(wave_started_at, created_at) as began_at, status, intake, pending, processing,
          claimed_to, total
        from batch_jobs where finished_at is null
      ), due as (
        select least(
          case when claimed_to < total - 1 then began_at end,
          (select greatest(not_before, began_at) from records
           where job_id = running.id and status = 'pending' and not held
             and not_before > '-infinity' and not_before <= now()
           order by not_before limit 1)
        ) as since
        from running where pending > 0 and status in ('pending', 'processing')
      )
      select
        coalesce((select jsonb_object_agg(status, count)
          from (select status, count(*) from batch_jobs group by status) as counted), '{}') as jobs,
        coalesce(sum(pending), 0)::int as pending,
        coalesce(sum(processing), 0)::int as processing,
        greatest(coalesce(extract(epoch from now() - min(created_at)
          filter (where intake = 'reading' and status in ('pending', 'processing'))), 0), 0)::float8 as "intakeLag",
        greatest(coalesce(extract(epoch from now() - (select min(since) from due)), 0), 0)::float8 as "claimLag",
        (select count(*) from deliveries where due_at is not null)::int as "deliveriesPending",
        (select count(*) from deliveries where given_up_at is not null)::int as "deliveriesFailed"
      from running`,
    deadlineMs,
  );
  if (row === undefined) throw new Error('an aggregate has one row');
  return row;
}
