import type { Failure } from '../domain/failure.ts';
import type { JobStatus } from '../domain/job.ts';
import type { Database, Fragment, Sql } from './database.ts';
import type { Lease } from './leases.ts';
import { groupId, limitReached } from './settlements.ts';

/** A row of the source on its way into the store. */
export interface NewRecord {
  readonly id: string | null;
  /** The payload as JSON text that Postgres can hold. */
  readonly json: string;
  /** Present: the record fails at once, for this reason. */
  readonly failure?: Failure;
}

/**
 * Adds rows to a job whose intake stands at `position`, with the counters in the same statement.
 *
 * Returns undefined, having added nothing, when the intake stands elsewhere (the rows are there
 * already), has ended, or the lease is not held any more.
 */
export async function addRecords(
  db: Database,
  lease: Lease,
  position: number,
  rows: readonly NewRecord[],
): Promise<{ status: JobStatus } | undefined> {
  const bad = rows.filter((row) => row.failure !== undefined).length;
  const [row] = await db.run(
    (sql) => sql<{ status: JobStatus }[]>`
      with job as materialized (
        select id from batch_jobs
        where id = ${lease.batchJobId} and intake = 'reading' and intake_position = ${position}
          and finished_at is null and exists (
            select from leases where job_id = batch_jobs.id and lane = ${lease.lane}
              and token = ${lease.token} and until > now())
        for update
      ), added as (
        ${insertRecordsSql(sql, rows, position)}
      )
      update batch_jobs job set
        total = total + ${rows.length}, pending = pending + ${rows.length - bad}, failed = job.failed + ${bad},
        wave_failed = wave_failed + ${bad}, intake_position = intake_position + ${rows.length},
        ${limitReached(sql, sql`${bad}::int`)}
      where job.id = (select id from job)
      returning job.status`,
  );
  return row;
}

/** Inserts rows for the job of a CTE named `job`, numbered from `position`. */
export function insertRecordsSql(sql: Sql, rows: readonly NewRecord[], position: number): Fragment {
  const text = `[${rows.map((row, at) => rowJson(row, position + at)).join(',')}]`;
  return sql`
    insert into records (job_id, idx, record_id, payload, status, failure, group_id, settled_at)
    select job.id, given.i, given.k, given.p,
      case when given.f is null then 'pending' else 'failed' end::record_status, given.f, given.g,
      case when given.f is not null then now() end
    from job, json_to_recordset(${text}::text::json) as given(i int, k text, p json, f jsonb, g text)`;
}

function rowJson(row: NewRecord, index: number): string {
  const id = row.id === null ? '' : `,"k":${JSON.stringify(row.id)}`;
  const failure =
    row.failure === undefined ? '' : `,"f":${JSON.stringify(row.failure)},"g":"${groupId(row.failure)}"`;
  return `{"i":${index}${id}${failure},"p":${row.json}}`;
}

/** Where the intake of a job stands. */
export async function intakePosition(db: Database, batchJobId: string): Promise<number> {
  const [row] = await db.run(
    (sql) => sql<{ position: number }[]>`
      select intake_position as position from batch_jobs where id = ${batchJobId}`,
  );
  return row?.position ?? 0;
}

/** Ends the reading of a job's source, if the lane is still this one's; `stopped` can go on later. */
export async function endIntake(db: Database, lease: Lease, state: 'done' | 'stopped'): Promise<void> {
  await db.run(
    (sql) => sql`
      update batch_jobs set intake = ${state}
      where id = ${lease.batchJobId} and intake = 'reading' and exists (
        select from leases where job_id = batch_jobs.id and lane = ${lease.lane} and token = ${lease.token})`,
  );
}

/** Gives the planner fresh numbers of a table that has just grown. */
export async function analyzeRecords(db: Database): Promise<void> {
  await db.run((sql) => sql`analyze records`, 55_000);
}
