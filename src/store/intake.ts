import type { Failure } from '../domain/failure.ts';
import type { JobStatus, SetAsideReason } from '../domain/job.ts';
import type { Database, Fragment, Sql } from './database.ts';
import { violatesUniqueness } from './database-fault.ts';
import { noting } from './job-events.ts';
import type { Lease } from './leases.ts';
import { releaseFirst } from './order-keys.ts';
import { logRefused, logSortedRefused } from './refused-rows.ts';
import { orRollBack, wasRolledBack } from './roll-back.ts';
import { groupId, limitReached } from './settlements.ts';
import {
  type IntakeRules,
  insertSorted,
  noRules,
  rememberIds,
  remembersIds,
  sortedCounts,
  sortRows,
  takesAll,
} from './sorted-rows.ts';
import { storableJson } from './storable-json.ts';

/** A row of the source on its way into the store. */
export interface NewRecord {
  readonly id: string | null;
  /** The payload as JSON text that Postgres can hold, in one line. */
  readonly json: string;
  /** Present: the record fails at once, for this reason. */
  readonly failure?: Failure;
  /** Stands for what the flow would send of it. */
  readonly digest?: string | undefined;
  /** Records with the same one run one after the other. */
  readonly orderKey?: string | undefined;
}

/** What adding rows came to. */
export interface Added {
  readonly status: JobStatus;
  /** Rows that failed at once. */
  readonly failed: number;
}

/**
 * Adds rows to a job whose intake stands at `position`, with the counters in the same statement. The rows go first:
 * whoever settles records of the job waits while its row is locked, and that lock is only needed for the counters.
 *
 * Returns undefined, having added nothing, when the intake stands elsewhere (the rows are there
 * already), has ended, or the lease is not held any more.
 */
export async function addRecords(
  db: Database,
  lease: Lease,
  position: number,
  rows: readonly NewRecord[],
  rules: IntakeRules = noRules,
): Promise<Added | undefined> {
  const may = (sql: Sql) => sql`
    job.id = ${lease.batchJobId} and intake = 'reading' and intake_position = ${position}
      and finished_at is null and exists (
        select from leases where job_id = job.id and lane = ${lease.lane} and token = ${lease.token} and until > now())`;
  try {
    const [row] = await db.run(
      (sql) => sql<Added[]>`
        with job as materialized (
          select * from batch_jobs job where ${may(sql)}
        ), ${takesAll(rules) ? addAll(sql, rows, position) : addSorted(sql, lease, position, rows, rules)},
        counted as (
          update batch_jobs job set
            total = job.total + news.total, pending = pending + news.total - news.failed - news.aside,
            failed = job.failed + news.failed, skipped = job.skipped + news.aside,
            set_aside = set_aside + news.aside, new_records = new_records + news.new,
            changed_records = changed_records + news.changed, wave_failed = wave_failed + news.failed,
            intake_position = intake_position + news.total,
            ${limitReached(sql, sql`news.failed`)}
          from news
          where ${may(sql)}
          returning job.status, news.failed
        )
        select counted.status, counted.failed from job left join counted on true
        where ${orRollBack(sql, sql`counted.status is not null`)}`,
    );
    return row;
  } catch (error) {
    // Somebody else has added them, or changed the job, while the rows went in.
    if (wasRolledBack(error) || violatesUniqueness(error)) return undefined;
    throw error;
  }
}

/** CTEs that add all rows, and end in `news`: their numbers, known once they are there. */
function addAll(sql: Sql, rows: readonly NewRecord[], position: number): Fragment {
  return sql`${logRefused(sql, rows, position)} added as (
      ${insertRecordsSql(sql, rows, position)}
      returning 1
    ), news as (
      select count(*)::int as total, ${countBad(rows)}::int as failed, 0 as aside, 0 as new, 0 as changed from added
    )`;
}

/** The same for a job that looks at its rows. */
function addSorted(
  sql: Sql,
  { batchJobId }: Lease,
  position: number,
  rows: readonly NewRecord[],
  rules: IntakeRules,
): Fragment {
  return sql`${sortRows(sql, batchJobId, rowsJson(rows, position), rules)},
    ${remembersIds(rules) ? sql`${rememberIds(sql)},` : sql``}
    ${logSortedRefused(sql)}
    added as (
      ${insertSorted(sql, true)}
      returning 1
    ), news as (
      select (select count(*)::int from added) as total, sorts.* from (${sortedCounts(sql, rules)}) as sorts
    )`;
}

export const countBad = (rows: readonly NewRecord[]) =>
  rows.filter((row) => row.failure !== undefined).length;

/**
 * Inserts rows for the job of a CTE named `job`, numbered from `position`, after `logRefused` of the same rows.
 * They go as lines, one for each payload and one for each id: Postgres splits lines much faster than it takes
 * JSON apart.
 */
export function insertRecordsSql(sql: Sql, rows: readonly NewRecord[], position: number): Fragment {
  const payloads = rows.map(({ json }) => json).join('\n');
  const ids = rows.some(({ id }) => id !== null) ? rows.map(idLine).join('\n') : '';
  const given = sql`
    rows from (string_to_table(${payloads}, chr(10)), string_to_table(${ids}, chr(10)))
      with ordinality as given(p, k, place)`;
  if (countBad(rows) === 0) {
    return sql`
    insert into records (job_id, idx, record_id, payload)
    select job.id, ${position}::int + place - 1, nullif(given.k, '')::json #>> '{}', given.p::json from job, ${given}`;
  }
  return sql`
    insert into records (job_id, idx, record_id, payload, status, failure, group_id, settled_at, dead_letter)
    select job.id, ${position}::int + place - 1, nullif(given.k, '')::json #>> '{}', given.p::json,
      case when bad.f is null then 'pending' else 'failed' end::record_status, bad.f, bad.g,
      case when bad.f is not null then now() end, bad.f is not null and job.on_record_failure = 'dead-letter'
    from job, ${given} left join bad on bad.i = ${position}::int + place - 1`;
}

/** An id may hold line feeds, its JSON text does not. */
const idLine = ({ id }: NewRecord): string => (id === null ? '' : JSON.stringify(id));

/** The rows as one JSON text, numbered from `position`. */
export const rowsJson = (rows: readonly NewRecord[], position: number): string =>
  `[${rows.map((row, at) => rowJson(row, position + at)).join(',')}]`;

function rowJson({ id, json, failure, digest, orderKey }: NewRecord, index: number): string {
  const text = (name: string, value: string | null | undefined) =>
    value === null || value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`;
  const failed = failure === undefined ? '' : `,"f":${storableJson(failure)},"g":"${groupId(failure)}"`;
  return `{"i":${index}${text('k', id)}${text('d', digest)}${text('o', orderKey)}${failed},"p":${json}}`;
}

/** Where the intake of a job stands. */
export async function intakePosition(db: Database, batchJobId: string): Promise<number> {
  const [row] = await db.run(
    (sql) => sql<{ position: number }[]>`
      select intake_position as position from batch_jobs where id = ${batchJobId}`,
  );
  return row?.position ?? 0;
}

/** Rows of a job that were set aside for this reason. Reads all its records. */
export async function countSetAside(
  db: Database,
  batchJobId: string,
  reason: SetAsideReason,
): Promise<number> {
  const [row] = await db.run(
    (sql) => sql<{ count: number }[]>`
      select count(*)::int as count from records where job_id = ${batchJobId} and set_aside = ${reason}`,
  );
  return row?.count ?? 0;
}

/** Ends the reading of a job's source, if the lane is still this one's; `stopped` can go on later. */
export async function endIntake(db: Database, lease: Lease, state: 'done' | 'stopped'): Promise<void> {
  await db.run(
    (sql) => sql`
      with ended as (
        update batch_jobs set intake = ${state}
        where id = ${lease.batchJobId} and intake = 'reading' and exists (
          select from leases where job_id = batch_jobs.id and lane = ${lease.lane} and token = ${lease.token})
        returning id, intake, intake_position, stop_message
      ), stopped as (
        select * from ended where intake = 'stopped'
      ), ${noting(sql, 'stopped', 'intake_stopped', stoppedMessage(sql))}
      select from ended`,
  );
}

/** As `endIntake`, of a job with order keys: all its records are there, so the first of each key may run. */
export async function endOrderedIntake(db: Database, lease: Lease): Promise<void> {
  await db.run(
    (sql) => sql`
      with job as (
        update batch_jobs set intake = 'done'
        where id = ${lease.batchJobId} and intake = 'reading' and exists (
          select from leases where job_id = batch_jobs.id and lane = ${lease.lane} and token = ${lease.token})
        returning id
      ), ${releaseFirst(sql)}
      select from job`,
    // A million keys take several seconds.
    55_000,
  );
}

const stoppedMessage = (sql: Sql) => sql`
  left(concat_ws(' ', format('The source was read up to row %s only.', intake_position), stop_message), 1000)`;

/** Of the rows the planner knows of, the part that has to be new before its numbers are wrong; Postgres' own default. */
const stalePart = 0.1;

/**
 * Gives the planner fresh numbers of the records, if those of this job are many of them: a sample of a table that holds
 * the jobs of months is read for the better part of a second.
 */
export async function analyzeRecords(db: Database, batchJobId: string): Promise<void> {
  const grown = await db.run(
    (sql) => sql`
      select from batch_jobs job, pg_class known
      where job.id = ${batchJobId} and known.oid = 'records'::regclass and total > ${stalePart} * reltuples`,
  );
  if (grown.length > 0) await db.run((sql) => sql`analyze records`, 55_000);
}
