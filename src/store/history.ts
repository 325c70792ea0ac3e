import type { Failure } from '../domain/failure.ts';
import type { JobEventKind } from '../domain/job-event.ts';
import type { Database, Fragment, Sql } from './database.ts';
import { ownedBy } from './owner.ts';

/** Rows of each kind that one search reads at most, those of the same moment as the last one aside. */
export const searchWindow = 20_000;

/** `failed` and `succeeded` are those of every wave, `retried_…` those of retries only. */
export const attemptStatuses = ['failed', 'retried_failed', 'succeeded', 'retried_success'] as const;
export type AttemptStatus = (typeof attemptStatuses)[number];

/** One thing that happened: an attempt that failed, a success, or an event of a job. */
export interface HistoryLine {
  readonly place: HistoryPlace;
  readonly batchJobId: string;
  readonly flowName: string;
  readonly kind: JobEventKind | AttemptStatus;
  /** What follows is null for events of jobs. */
  readonly index: number | null;
  readonly id: string | null;
  /** 0: the row failed before its first attempt. */
  readonly attempt: number | null;
  readonly wave: number | null;
  readonly failure: Failure | null;
  /** In words for the caller, for events. */
  readonly message: string | null;
  /** Who did it, for events that somebody is behind. */
  readonly actor: string | null;
}

/** Where a line stands in the history: newest first, and of one moment by job, record and attempt. */
export interface HistoryPlace {
  /** Microseconds since 1970, which a Date cannot tell apart. */
  readonly atMicros: number;
  readonly batchJobId: string;
  readonly index: number;
  readonly sequence: number;
}

export interface HistoryQuery {
  readonly flowName?: string | undefined;
  readonly batchJobId?: string | undefined;
  readonly index?: number | undefined;
  /** Undefined: attempts with any status, and events. */
  readonly status?: AttemptStatus | undefined;
  readonly since?: Date | undefined;
  /** Found in any case of letters in message, code, class, step, or the record's id. */
  readonly text?: string | undefined;
  /** Only what stands behind this place. */
  readonly after?: HistoryPlace | undefined;
  /** Successes are looked for as well: for one record, or a job whose records may all be read. */
  readonly withSuccesses: boolean;
  readonly limit: number;
}

export interface HistoryPage {
  readonly lines: readonly HistoryLine[];
  /** The search did not look at anything older than this, in microseconds since 1970. */
  readonly searchedToMicros: number | undefined;
}

interface OwnedQuery extends HistoryQuery {
  readonly owner: Database['owner'];
}

interface Row extends Omit<HistoryLine, 'place'> {
  readonly at: number | null;
  readonly sequence: number;
  readonly floor: number | null;
}

/**
 * What happened, newest first.
 *
 * Reads the newest rows of the time asked about, at most `searchWindow` of each kind, whatever is looked
 * for in them: where it stopped is part of the answer.
 */
export async function searchHistory(db: Database, asked: HistoryQuery): Promise<HistoryPage> {
  const query = { ...asked, owner: db.owner };
  const rows = await db.run(
    (sql) => sql<Row[]>`
      with attempts as materialized (${recentAttempts(sql, query)}),
      events as materialized (${recentEvents(sql, query)}),
      bounds as (
        select greatest(
          (select min(failed_at) from attempts having count(*) >= ${searchWindow}),
          (select min(at) from events having count(*) >= ${searchWindow})) as floor
      ), lines as (
        ${attemptLines(sql, query)} union all ${eventLines(sql, query)} union all ${successLines(sql, query)}
      ), page as (
        select lines.* from lines, bounds
        where (floor is null or lines.at >= floor) and ${behind(sql, query.after)}
        order by lines.at desc, job_id, idx, sequence limit ${query.limit}
      )
      select ${micros(sql, sql`page.at`)} as at, ${micros(sql, sql`floor`)} as floor,
        page.job_id as "batchJobId", page.flow_name as "flowName", page.kind, page.attempt, page.wave,
        page.failure, page.message, page.actor, page.sequence::int, nullif(page.idx, -1) as index,
        (select record_id from records where records.job_id = page.job_id and records.idx = page.idx) as id
      from bounds left join page on true
      order by page.at desc, page.job_id, page.idx, page.sequence`,
    searchDeadlineMs,
  );
  return {
    lines: rows.flatMap(lineOf),
    searchedToMicros: rows[0]?.floor ?? undefined,
  };
}

const searchDeadlineMs = 10_000;

function lineOf({ at, sequence, floor: _, ...row }: Row): HistoryLine[] {
  if (at === null) return [];
  const { batchJobId, index } = row;
  return [{ ...row, place: { atMicros: at, batchJobId, index: index ?? -1, sequence } }];
}

const micros = (sql: Sql, at: Fragment) => sql`(extract(epoch from ${at}) * 1000000)::float8`;
const moment = (sql: Sql, atMicros: number) =>
  sql`(timestamptz 'epoch' + ${atMicros}::float8 * interval '1 microsecond')`;

/** Conditions on the time of a row that an index on it can serve. */
function inTime(sql: Sql, at: Fragment, { since, after }: HistoryQuery): Fragment {
  return sql`
    ${since === undefined ? sql`true` : sql`${at} >= ${since.toISOString()}::timestamptz`}
    ${after === undefined ? sql`` : sql`and ${at} <= ${moment(sql, after.atMicros)}`}`;
}

function behind(sql: Sql, after: HistoryPlace | undefined): Fragment {
  if (after === undefined) return sql`true`;
  return sql`(
    lines.at < ${moment(sql, after.atMicros)}
    or (job_id, idx, sequence) > (${after.batchJobId}::uuid, ${after.index}::int, ${after.sequence}::bigint))`;
}

/** Of one record by its own index, else by time, whatever job they are of. */
function recentAttempts(sql: Sql, query: HistoryQuery): Fragment {
  const { batchJobId, index, status } = query;
  const ofRecord =
    batchJobId === undefined || index === undefined
      ? sql`true`
      : sql`job_id = ${batchJobId}::uuid and idx = ${index}`;
  const wanted = status === undefined || status.endsWith('failed');
  return sql`
    select job_id, idx, attempt, wave, failure, failed_at from failed_attempts
    where ${wanted} and ${ofRecord} and ${inTime(sql, sql`failed_at`, query)}
    order by failed_at desc fetch first ${searchWindow} rows with ties`;
}

/** The events of a job say nothing of one record. */
function recentEvents(sql: Sql, query: HistoryQuery): Fragment {
  const wanted = query.status === undefined && query.index === undefined;
  return sql`
    select id, job_id, kind, message, actor, at from job_events
    where ${wanted} and ${inTime(sql, sql`at`, query)}
    order by at desc fetch first ${searchWindow} rows with ties`;
}

function attemptLines(sql: Sql, query: OwnedQuery): Fragment {
  const said = sql`concat_ws(E'\n', failure->>'message', failure->>'untrustedMessage', failure->>'code',
    failure->>'class', failure->>'step')`;
  return sql`
    select failed_at as at, job.id as job_id, flow_name, idx, attempt::bigint as sequence,
      case when attempts.wave > 0 then 'retried_failed' else 'failed' end as kind,
      attempt, attempts.wave::int as wave, failure, null as message, null as actor
    from attempts join batch_jobs job on job.id = attempts.job_id
    where ${ofJob(sql, query)} ${query.status === 'retried_failed' ? sql`and attempts.wave > 0` : sql``}
      ${query.text === undefined ? sql`` : sql`and (${holds(sql, said, query.text)} or ${ownId(sql, query.text)})`}`;
}

function eventLines(sql: Sql, query: OwnedQuery): Fragment {
  return sql`
    select at, job.id, flow_name, -1, events.id, kind, null::int, null::int, null::jsonb, message, actor
    from events join batch_jobs job on job.id = events.job_id
    where ${ofJob(sql, query)}
      ${query.text === undefined ? sql`` : sql`and ${holds(sql, sql`concat_ws(E'\n', message, actor)`, query.text)}`}`;
}

function successLines(sql: Sql, query: OwnedQuery): Fragment {
  const { batchJobId, index, status, text, withSuccesses } = query;
  const statuses = status === 'retried_success' ? ['retried_success'] : ['succeeded', 'retried_success'];
  const wanted = withSuccesses && (status === undefined || !status.endsWith('failed'));
  return sql`
    select settled_at, job.id, flow_name, idx, attempts::bigint, records.status::text, attempts,
      records.wave::int, null::jsonb, null, null
    from records join batch_jobs job on job.id = records.job_id
    where ${wanted} and records.job_id = ${batchJobId ?? null}::uuid
      and records.status::text in ${sql(statuses)} and ${inTime(sql, sql`settled_at`, query)}
      ${index === undefined ? sql`` : sql`and idx = ${index}`}
      ${text === undefined ? sql`` : sql`and ${holds(sql, sql`record_id`, text)}`}`;
}

function ofJob(sql: Sql, { flowName, batchJobId, owner }: OwnedQuery): Fragment {
  return sql`
    ${ownedBy(sql, owner)} and ${flowName === undefined ? sql`true` : sql`flow_name = ${flowName}`}
    ${batchJobId === undefined ? sql`` : sql`and job.id = ${batchJobId}::uuid`}`;
}

// Not `like`, so that nothing in the text has a meaning of its own.
const holds = (sql: Sql, said: Fragment, text: string) => sql`strpos(lower(${said}), lower(${text})) > 0`;

const ownId = (sql: Sql, text: string) => sql`
  strpos(lower((select record_id from records
    where records.job_id = attempts.job_id and records.idx = attempts.idx)), lower(${text})) > 0`;
