import type { JsonValue } from '../domain/json.ts';
import type { ClaimedRecord } from '../domain/record.ts';
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
}

interface ClaimedRow {
  readonly idx: number;
  readonly record_id: string | null;
  readonly payload: JsonValue;
  readonly revision: number;
  readonly tries: number;
  readonly wave: number;
  readonly due_again: boolean;
  readonly accepted: boolean;
}

/**
 * Moves due records of a running job to `processing` under a lease: retries that are due first, at
 * most half of `limit` while there are fresh records, then fresh ones in the order of the input.
 *
 * Returns them in the order they have to be started in; undefined when the claim was refused, because
 * the job is not running, the lease has lapsed, or the claim number was used before.
 */
export function claimRecords(db: Database, request: ClaimRequest): Promise<ClaimedRecord[] | undefined> {
  const { limit, cursor, fresh } = request;
  const retriesAtMost = fresh ? Math.ceil(limit / 2) : limit;
  return claim(
    db,
    request.lease,
    request.claims,
    false,
    (sql) => sql`
    again as materialized (
      select ctid as at from records
      where job_id = (select job_id from lease) and status = 'pending'
        and not_before > '-infinity' and not_before <= now()
      order by not_before, idx
      limit ${retriesAtMost} for update skip locked
    ), fresh as materialized (
      select ctid as at from records
      where job_id = (select job_id from lease) and status = 'pending'
        and not_before = '-infinity' and idx > ${cursor}
      order by idx
      limit case when ${fresh} then ${limit} - (select count(*) from again) else 0 end
      for update skip locked
    ), due as materialized (
      select at from again union all select at from fresh
    )`,
  );
}

/**
 * Claims one record that is suspected of killing its process, when nothing else is under way, and
 * marks it as running alone.
 */
export function claimAlone(db: Database, lease: Lease, claims: number): Promise<ClaimedRecord[] | undefined> {
  return claim(
    db,
    lease,
    claims,
    true,
    (sql) => sql`
    due as materialized (
      select ctid as at from records
      where job_id = (select job_id from lease) and status = 'pending' and not_before = 'infinity'
      order by idx limit 1 for update skip locked
    )`,
  );
}

async function claim(
  db: Database,
  lease: Lease,
  claims: number,
  alone: boolean,
  due: (sql: Sql) => Fragment,
): Promise<ClaimedRecord[] | undefined> {
  const rows = await db.run(
    (sql) => sql<(ClaimedRow | { idx: null; accepted: boolean })[]>`
      with job as materialized (
        select id from batch_jobs
        where id = ${lease.batchJobId} and status in ('pending', 'processing') and finished_at is null
        for update
      ), lease as materialized (
        update leases set claims = claims + 1
        where job_id = (select id from job) and lane = ${lease.lane} and token = ${lease.token}
          and claims = ${claims} and until > now()
        returning job_id
      ), ${due(sql)}, claimed as (
        update records set status = 'processing', lease = ${lease.token}, claim = ${claims}, alone = ${alone}
        where ctid = any(array(select at from due)) and status = 'pending'
        returning idx, record_id, payload, revision, tries, wave, not_before > '-infinity' as due_again
      ), counted as (
        update batch_jobs
        set pending = pending - moved.count, processing = processing + moved.count, status = 'processing',
            started_at = coalesce(started_at, now()), wave_started_at = coalesce(wave_started_at, now()),
            obstacle = null, obstacle_since = null
        from (select count(*) from claimed) as moved
        where id = (select id from job) and moved.count > 0
      )
      select claimed.*, lease.job_id is not null as accepted
      from (values (1)) as one left join lease on true left join claimed on true`,
  );
  if (!rows[0]?.accepted) return undefined;
  return rows
    .flatMap((row) => (row.idx === null ? [] : [{ ...recordOf(row, claims), dueAgain: row.due_again }]))
    .sort(inStartOrder);
}

/** Milliseconds until the next waiting retry is due (0 or less: now); undefined when none waits. */
export async function nextDueInMs(db: Database, batchJobId: string): Promise<number | undefined> {
  const [row] = await db.run(
    (sql) => sql<{ due: number }[]>`
      select extract(epoch from not_before - now())::float8 * 1000 as due from records
      where job_id = ${batchJobId} and status = 'pending' and not_before > '-infinity' and not_before < 'infinity'
      order by not_before limit 1`,
  );
  return row?.due;
}

const recordOf = (row: ClaimedRow, claim: number): ClaimedRecord => ({
  index: row.idx,
  id: row.record_id,
  payload: row.payload,
  revision: row.revision,
  claim,
  tries: row.tries,
  wave: row.wave,
});

/** Retries before fresh records, each in the order of the input: the order a rescue assumes. */
function inStartOrder(
  a: ClaimedRecord & { dueAgain: boolean },
  b: ClaimedRecord & { dueAgain: boolean },
): number {
  return Number(b.dueAgain) - Number(a.dueAgain) || a.index - b.index;
}
