import type { JsonValue } from '../domain/json.ts';
import type { Progress } from '../domain/progress.ts';
import type { ClaimedRecord } from '../domain/record.ts';
import { probeDue } from './control.ts';
import type { Database, Fragment, Sql } from './database.ts';
import { rowsSeen } from './fresh-claims.ts';
import type { Lease } from './leases.ts';

export interface ClaimRequest {
  readonly lease: Lease;
  /** Claims made under this lease so far; a statement that arrives late finds another number and claims nothing. */
  readonly claims: number;
  readonly limit: number;
  /** Records in one run; default: 1. */
  readonly size?: number;
  /** false: only records that have been tried before; those that were not have to wait. */
  readonly fresh: boolean;
  /** Rows that are looked at for fresh records, from the first that has not been; default: as many as `limit`. */
  readonly reach?: number | undefined;
  /** Records from this index on have to wait; undefined: none has to. */
  readonly ceiling?: number | undefined;
}

/** What a claim took. */
export interface Claimed {
  /** In the order they have to be started in. */
  readonly records: readonly ClaimedRecord[];
  /** The job's records up to this index are not fresh any more; -1: all are. */
  readonly claimedTo: number;
  /** No fresh records are left that may be claimed at present. */
  readonly noneFresh: boolean;
  /** Length of their payloads as texts. */
  readonly characters: number;
}

/** The claimed records as the statement answers them: a text for each column is made and read faster than rows are. */
interface ClaimedRows {
  readonly claimedTo: number;
  readonly noneFresh: boolean;
  /** With commas between them, in the order of `payloads`; null: none was claimed. */
  readonly indexes: string | null;
  readonly payloads: string | null;
  readonly ids: readonly (readonly [index: number, id: string])[] | null;
  /** Those that are not fresh: of fresh ones nothing else has been written yet. */
  readonly back: readonly BackRow[] | null;
}

type BackRow = readonly [
  index: number,
  revision: number,
  tries: number,
  wave: number,
  progress: Progress | null,
];

/**
 * Moves due records of a running job to `processing` under a lease: those that were handed back untried, then
 * retries that are due, at most half of `limit` while there are fresh records, then fresh ones in the order of the
 * input. The rows of fresh ones are not written for it (`fresh-claims.ts`).
 *
 * Undefined when the claim was refused, because the job is not running, the lease has lapsed, or the claim
 * number was used before.
 */
export function claimRecords(db: Database, request: ClaimRequest): Promise<Claimed | undefined> {
  const { lease, claims, limit, fresh, size = 1, reach = limit, ceiling } = request;
  return claim(
    db,
    lease,
    claims,
    isRunning,
    (sql) => sql`
    bounds as materialized (
      select claimed_to, last, least(claimed_to + ${reach}, last) as reached,
        claimed_to < last and not exists (
          select from records
          where job_id = (select job_id from lease) and not_before > '-infinity' and not_before = 'epoch' and not held
        ) as shared
      from (
        select claimed_to, greatest(claimed_to, ${fresh ? sql`least(total, ${ceiling ?? null}::int) - 1` : sql`claimed_to`}) as last
        from job, ${rowsSeen(sql, lease.batchJobId)}
      ) as bounds
    ), due as materialized (
      select ctid as at from records
      where job_id = (select job_id from lease) and status = 'pending' and not held
        and not_before > '-infinity' and not_before <= now() and (${fresh} or tries > 0)
        ${below(sql, ceiling)}
      order by not_before, idx
      limit (select case when shared then ${waitingAtMost(limit, size)}::int else ${limit}::int end from bounds)
      for update skip locked
    ), ${writing(sql, lease, claims, sql`false`)}, fresh as materialized (
      select ${columns(sql)}, true as is_fresh from records
      where job_id = (select job_id from lease) and status = 'pending' and not held and not_before = '-infinity'
        and idx > (select claimed_to from bounds) and idx <= (select reached from bounds)
      order by idx limit ${limit} - (select count(*) from due)
    ), claimed as (
      select * from written union all select * from fresh
    ), mark as (
      select case when count = ${limit} - (select count(*) from due) then coalesce(highest, claimed_to) else reached end
        as claimed_to, last
      from bounds, (select count(*) as count, max(idx) as highest from fresh) as taken
    )`,
  );
}

/**
 * Records that came back, in a claim of `limit` that takes fresh ones as well. Whole runs of `size`: a chunk that is
 * cut in two is filled up with others, and its retry is another call.
 */
export const waitingAtMost = (limit: number, size: number) => Math.ceil(limit / 2 / size) * size;

/**
 * Claims one record that is suspected of killing its process, when nothing else is under way, and
 * marks it as running alone.
 */
export function claimAlone(db: Database, lease: Lease, claims: number): Promise<Claimed | undefined> {
  return claim(
    db,
    lease,
    claims,
    isRunning,
    (sql) => sql`
    due as materialized (
      select ctid as at from records
      where job_id = (select job_id from lease) and status = 'pending' and not held
        and not_before = 'infinity'
      order by tries = 0, idx limit 1 for update skip locked
    ), ${writing(sql, lease, claims, sql`true`)}, ${asWritten(sql)}`,
  );
}

/** Records that a circuit tries in turn, so that one that would fail in any case does not keep it open. */
const probedInTurn = 10;
/** Rows that are looked at for them. */
const probedAtMost = 5000;

export interface ProbeRequest extends Omit<ClaimRequest, 'limit' | 'reach'> {
  /** How often that has been tried. */
  readonly probes: number;
}

/**
 * Claims one record of a job that a circuit has paused, when nothing else is under way, to try whether the
 * trouble is over. If a run that broke began with it, its others come along: without them the call would be another.
 */
export function claimProbe(db: Database, request: ProbeRequest): Promise<Claimed | undefined> {
  const { lease, claims, size = 1, fresh, ceiling, probes } = request;
  return claim(
    db,
    lease,
    claims,
    probeDue,
    (sql) => sql`
    waiting as materialized (
      select ctid as at, idx, not_before, case
          when json_typeof(progress->'indexes') = 'array' and json_array_length(progress->'indexes') <= ${size}
            and not_before < 'infinity'
          then progress->'indexes' end as run
      from records
      where job_id = (select job_id from lease) and status = 'pending' and not held
        and not_before > '-infinity' and (not_before <= now() or not_before = 'infinity')
        and (${fresh} or tries > 0) ${below(sql, ceiling)}
      order by not_before, idx limit ${probedInTurn * size}
    ), members as materialized (
      select first.at as first, other.at from waiting first, json_array_elements_text(first.run) as member
      join waiting other on other.idx = member::int and other.not_before < 'infinity'
    ), again as materialized (
      select at from waiting where at not in (select at from members where at <> first)
      order by not_before, idx limit ${probedInTurn}
    ), fresh as materialized (
      select ctid as at from records
      where job_id = (select job_id from lease) and status = 'pending' and not held
        and not_before = '-infinity' and idx > (select claimed_to from job)
        and idx <= (select claimed_to + ${probedAtMost} from job) ${below(sql, ceiling)}
      order by idx limit ${fresh ? probedInTurn : 0}
    ), candidates as materialized (
      select at, row_number() over () as place, count(*) over () as places
      from (select at from again union all select at from fresh) as found
    ), chosen as materialized (
      select at from candidates where place = 1 + ${probes}::int % places
    ), due as materialized (
      select at from chosen union select members.at from members join chosen on first = chosen.at
    ), ${writing(sql, lease, claims, sql`not_before = 'infinity'`)}, ${asWritten(sql)}`,
  );
}

const below = (sql: Sql, ceiling: number | undefined): Fragment =>
  ceiling === undefined ? sql`` : sql`and idx < ${ceiling}`;

const isRunning = (sql: Sql) => sql`status in ('pending', 'processing')`;

const columns = (sql: Sql) =>
  sql`records.idx, records.record_id, records.payload, records.revision, records.tries, records.wave, records.progress`;

/** CTEs of a claim that takes only what a CTE `written` returns. */
const asWritten = (sql: Sql) => sql`
  claimed as (select * from written), mark as (select claimed_to, claimed_to as last from job)`;

/**
 * CTE that writes the claim in the rows that a CTE `due` has found. `alone`: whether they run alone because
 * they are suspects.
 */
const writing = (sql: Sql, lease: Lease, claims: number, alone: Fragment) => sql`
  written as (
    update records set status = 'processing', lease = ${lease.token}, claim = ${claims},
      claimed_after = (select claimed_to from job), alone = ${alone}, not_before = '-infinity', progress_save = null
    where ctid = any(array(select at from due)) and status = 'pending'
    returning ${columns(sql)}, false as is_fresh
  )`;

/** `ofJob`: in which jobs records are claimed. `found`: CTEs, among them `claimed` and the new `mark`. */
async function claim(
  db: Database,
  lease: Lease,
  claims: number,
  ofJob: (sql: Sql) => Fragment,
  found: (sql: Sql) => Fragment,
): Promise<Claimed | undefined> {
  const [answer] = await db.run(
    (sql) => sql<ClaimedRows[]>`
      with job as materialized (
        select id, claimed_to from batch_jobs
        where id = ${lease.batchJobId} and ${ofJob(sql)} and finished_at is null
        for update
      ), lease as materialized (
        update leases set claims = claims + 1
        where job_id = (select id from job) and lane = ${lease.lane} and token = ${lease.token}
          and claims = ${claims} and until > now()
        returning job_id
      ), ${found(sql)}, counted as (
        update batch_jobs
        set pending = pending - moved.count, processing = processing + moved.count,
            claimed_to = mark.claimed_to,
            claimed_under = case when mark.claimed_to > batch_jobs.claimed_to then ${lease.token} else claimed_under end,
            status = case when status = 'paused' then status else 'processing' end,
            started_at = coalesce(started_at, now()), wave_started_at = coalesce(wave_started_at, now()),
            obstacle = null, obstacle_since = null
        from mark, (select count(*) from claimed) as moved
        where id = (select job_id from lease) and (moved.count > 0 or mark.claimed_to > batch_jobs.claimed_to)
      )
      select mark.claimed_to as "claimedTo", mark.claimed_to >= mark.last as "noneFresh", taken.*
      from mark, (
        select string_agg(idx::text, ',') as indexes, string_agg(coalesce(payload::text, 'null'), ',') as payloads,
          json_agg(json_build_array(idx, record_id)) filter (where record_id is not null) as ids,
          json_agg(json_build_array(idx, revision, tries, wave, progress)) filter (where not is_fresh) as back
        from claimed
      ) as taken
      where exists (select from lease)`,
  );
  if (answer === undefined) return undefined;
  const { claimedTo, noneFresh, payloads } = answer;
  const records = recordsOf(answer, claims).sort(inStartOrder);
  return { records, claimedTo, noneFresh, characters: payloads?.length ?? 0 };
}

/**
 * Milliseconds until the next record that came back is due (0 or less: now), of those that may be claimed at present;
 * undefined when none waits.
 */
export async function nextDueInMs(
  db: Database,
  batchJobId: string,
  { fresh = true, ceiling }: Partial<Pick<ClaimRequest, 'fresh' | 'ceiling'>> = {},
): Promise<number | undefined> {
  const [row] = await db.run(
    (sql) => sql<{ due: number }[]>`
      select extract(epoch from not_before - now())::float8 * 1000 as due from records
      where job_id = ${batchJobId} and status = 'pending' and not held
        and not_before > '-infinity' and not_before < 'infinity' and (${fresh} or tries > 0) ${below(sql, ceiling)}
      order by not_before limit 1`,
  );
  return row?.due;
}

function recordsOf({ indexes, payloads, ids, back }: ClaimedRows, claim: number): ClaimedRecord[] {
  const listed = JSON.parse(`[${indexes ?? ''}]`) as number[];
  const values = JSON.parse(`[${payloads ?? ''}]`) as JsonValue[];
  const idOf = new Map(ids);
  const backOf = new Map(back?.map((row) => [row[0], row]));
  return listed.map((index, place) => {
    const [, revision = 0, tries = 0, wave = 0, progress] = backOf.get(index) ?? [];
    const isFresh = !backOf.has(index);
    const id = idOf.get(index) ?? null;
    const payload = values[place] as JsonValue;
    return { index, id, payload, revision, claim, tries, wave, isFresh, progress: progress ?? undefined };
  });
}

/** What comes back before fresh records, each in the order of the input: the order a rescue assumes. */
const inStartOrder = (a: ClaimedRecord, b: ClaimedRecord): number =>
  Number(a.isFresh) - Number(b.isFresh) || a.index - b.index;
