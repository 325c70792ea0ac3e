import type { JsonValue } from '../domain/json.ts';
import type { Progress } from '../domain/progress.ts';
import type { ClaimedRecord } from '../domain/record.ts';
import { probeDue } from './control.ts';
import type { Database, Fragment, Sql } from './database.ts';
import type { Lease } from './leases.ts';

export interface ClaimRequest {
  readonly lease: Lease;
  /** Claims made under this lease so far; a statement that arrives late finds another number and claims nothing. */
  readonly claims: number;
  readonly limit: number;
  /** Fresh records up to this index have all been claimed once; -1 when that is not known. */
  readonly cursor: number;
  /** false: only records that have been tried before. */
  readonly fresh: boolean;
  /** Fresh records from this index on have to wait; undefined: none has to. */
  readonly ceiling?: number | undefined;
}

/** A claimed record as the statement answers it: one JSON text for all is read faster than rows are. */
type ClaimedRow = [
  index: number,
  id: string | null,
  payload: JsonValue,
  revision: number,
  tries: number,
  wave: number,
  dueAgain: boolean,
  progress: Progress | null,
];

/**
 * Moves due records of a running job to `processing` under a lease: retries that are due first, at
 * most half of `limit` while there are fresh records, then fresh ones in the order of the input.
 *
 * Returns them in the order they have to be started in; undefined when the claim was refused, because
 * the job is not running, the lease has lapsed, or the claim number was used before.
 */
export function claimRecords(db: Database, request: ClaimRequest): Promise<ClaimedRecord[] | undefined> {
  const { limit, cursor, fresh, ceiling } = request;
  const retries = fresh ? retriesAtMost(limit) : limit;
  return claim(
    db,
    request.lease,
    request.claims,
    inTurn,
    (sql) => sql`
    again as materialized (
      select ctid as at from records
      where job_id = (select job_id from lease) and status = 'pending' and not held
        and not_before > '-infinity' and not_before <= now()
      order by not_before, idx
      limit ${retries} for update skip locked
    ), fresh as materialized (
      select ctid as at from records
      where job_id = (select job_id from lease) and status = 'pending' and not held
        and not_before = '-infinity' and idx > ${cursor}${ceiling === undefined ? sql`` : sql` and idx < ${ceiling}`}
      order by idx
      limit case when ${fresh} then ${limit} - (select count(*) from again) else 0 end
      for update skip locked
    ), due as materialized (
      select at from again union all select at from fresh
    )`,
  );
}

/** Retries in a claim of `limit` records that takes fresh ones as well. */
export const retriesAtMost = (limit: number) => Math.ceil(limit / 2);

/**
 * Claims one record that is suspected of killing its process, when nothing else is under way, and
 * marks it as running alone.
 */
export function claimAlone(db: Database, lease: Lease, claims: number): Promise<ClaimedRecord[] | undefined> {
  return claim(
    db,
    lease,
    claims,
    alone,
    (sql) => sql`
    due as materialized (
      select ctid as at from records
      where job_id = (select job_id from lease) and status = 'pending' and not held
        and not_before = 'infinity'
      order by tries = 0, idx limit 1 for update skip locked
    )`,
  );
}

/** Records that a circuit tries in turn, so that one that would fail in any case does not keep it open. */
const probedInTurn = 10;

export interface ProbeRequest extends Omit<ClaimRequest, 'limit' | 'cursor'> {
  /** How often that has been tried. */
  readonly probes: number;
}

/**
 * Claims one record of a job that a circuit has paused, when nothing else is under way, to try whether the
 * trouble is over.
 */
export function claimProbe(db: Database, request: ProbeRequest): Promise<ClaimedRecord[] | undefined> {
  const { lease, claims, fresh, ceiling, probes } = request;
  return claim(
    db,
    lease,
    claims,
    toProbe,
    (sql) => sql`
    again as materialized (
      select ctid as at from records
      where job_id = (select job_id from lease) and status = 'pending' and not held
        and not_before > '-infinity' and (not_before <= now() or not_before = 'infinity')
      order by not_before, idx limit ${probedInTurn}
    ), fresh as materialized (
      select ctid as at from records
      where job_id = (select job_id from lease) and status = 'pending' and not held
        and not_before = '-infinity'${ceiling === undefined ? sql`` : sql` and idx < ${ceiling}`}
      order by idx limit case when ${fresh} then ${probedInTurn} else 0 end
    ), candidates as materialized (
      select at, row_number() over () as place, count(*) over () as places
      from (select at from again union all select at from fresh) as found
    ), due as materialized (
      select at from candidates where place = 1 + ${probes}::int % places
    )`,
  );
}

/** In which jobs records are claimed, and whether they run alone because they are suspects. */
interface Purpose {
  readonly ofJob: (sql: Sql) => Fragment;
  readonly alone: (sql: Sql) => Fragment;
}

const isRunning = (sql: Sql) => sql`status in ('pending', 'processing')`;
const inTurn: Purpose = { ofJob: isRunning, alone: (sql) => sql`false` };
const alone: Purpose = { ofJob: isRunning, alone: (sql) => sql`true` };
const toProbe: Purpose = { ofJob: probeDue, alone: (sql) => sql`not_before = 'infinity'` };

/**
 * The cast of `status` in the update keeps the planner from walking the index of pending records there:
 * with the statistics of a table in which nothing was pending it takes that for the cheaper way.
 */
async function claim(
  db: Database,
  lease: Lease,
  claims: number,
  purpose: Purpose,
  due: (sql: Sql) => Fragment,
): Promise<ClaimedRecord[] | undefined> {
  const [answer] = await db.run(
    (sql) => sql<{ accepted: boolean; claimed: ClaimedRow[] | null }[]>`
      with job as materialized (
        select id from batch_jobs
        where id = ${lease.batchJobId} and ${purpose.ofJob(sql)} and finished_at is null
        for update
      ), lease as materialized (
        update leases set claims = claims + 1
        where job_id = (select id from job) and lane = ${lease.lane} and token = ${lease.token}
          and claims = ${claims} and until > now()
        returning job_id
      ), ${due(sql)}, claimed as (
        update records set status = 'processing', lease = ${lease.token}, claim = ${claims},
          alone = ${purpose.alone(sql)}, progress_save = null
        where ctid = any(array(select at from due)) and status::text = 'pending'
        returning idx, record_id, payload, revision, tries, wave, not_before > '-infinity' as due_again, progress
      ), counted as (
        update batch_jobs
        set pending = pending - moved.count, processing = processing + moved.count,
            status = case when status = 'paused' then status else 'processing' end,
            started_at = coalesce(started_at, now()), wave_started_at = coalesce(wave_started_at, now()),
            obstacle = null, obstacle_since = null
        from (select count(*) from claimed) as moved
        where id = (select id from job) and moved.count > 0
      )
      select exists (select from lease) as accepted, (
        select json_agg(json_build_array(idx, record_id, payload, revision, tries, wave, due_again, progress)) from claimed
      ) as claimed`,
  );
  if (!answer?.accepted) return undefined;
  return (answer.claimed ?? []).sort(inStartOrder).map((row) => recordOf(row, claims));
}

/** Milliseconds until the next waiting retry is due (0 or less: now); undefined when none waits. */
export async function nextDueInMs(db: Database, batchJobId: string): Promise<number | undefined> {
  const [row] = await db.run(
    (sql) => sql<{ due: number }[]>`
      select extract(epoch from not_before - now())::float8 * 1000 as due from records
      where job_id = ${batchJobId} and status = 'pending' and not held
        and not_before > '-infinity' and not_before < 'infinity'
      order by not_before limit 1`,
  );
  return row?.due;
}

const recordOf = (row: ClaimedRow, claim: number): ClaimedRecord => ({
  index: row[0],
  id: row[1],
  payload: row[2],
  revision: row[3],
  claim,
  tries: row[4],
  wave: row[5],
  progress: row[7] ?? undefined,
});

/** Retries before fresh records, each in the order of the input: the order a rescue assumes. */
function inStartOrder(a: ClaimedRow, b: ClaimedRow): number {
  return Number(b[6]) - Number(a[6]) || a[0] - b[0];
}
