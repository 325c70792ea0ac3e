import { createHash } from 'node:crypto';
import { type Failure, groupKey } from '../domain/failure.ts';
import type { JobStatus, RecordFailureAction } from '../domain/job.ts';
import type { ClaimedRecord, RecordStatus, Settlement } from '../domain/record.ts';
import type { Database, Fragment, Sql } from './database.ts';
import { jobRow, oweFailures } from './deliveries.ts';
import { cameBack, isUnderClaim } from './fresh-claims.ts';
import { forgetSuccesses, rememberSuccesses } from './last-successes.ts';
import type { Lease } from './leases.ts';
import { releaseNext } from './order-keys.ts';
import { storableJson } from './storable-json.ts';
import { type Successes, saveSuccesses } from './successes.ts';

export interface SettledRecord {
  readonly record: ClaimedRecord;
  readonly settlement: Settlement;
  /** What the flow made of the payload; kept with a success of a record that has an id of its own. */
  readonly digest?: string | undefined;
}

export interface Saved {
  readonly status: JobStatus;
  /** Of those that would have waited for another attempt. */
  readonly skipped: number;
  /** The lane belongs to somebody else now: what is settled from here on counts no more. */
  readonly lost: boolean;
}

/** What a job wants to happen with its settled records besides; jobs that want nothing pay nothing. */
export interface SettlementWishes {
  readonly flowName: string;
  /** Records with the same order key run one after the other. */
  readonly ordered: boolean;
  /** What succeeded is remembered, so that a later job can leave out what has not changed. */
  readonly remembers: boolean;
  /** What succeeded is taken back, so that a later job sends it again. */
  readonly forgets: boolean;
  readonly onFailure: RecordFailureAction;
  /** The connector to tell of failures. */
  readonly callback: string | null;
}

/**
 * Writes what attempts came to, many at once, and moves the job's counters with them.
 *
 * A record that is no longer under this lease and claim is left alone: its outcome is stale. (Rows are reached by their
 * indexes in a list: with some statistics the planner would walk all records of the job for a join. Outcomes
 * are lines, of which it expects 1,000: with the 100 of a JSON list it would, in large tables, compare each with
 * each record.) A record that would wait for another attempt in a job that has ended becomes `skipped`. When the final
 * failures of the wave reach the job's limit, the job fails or pauses in the same statement.
 * Returns the job's status after it, how many became `skipped`, and whether the lease has gone to somebody else.
 */
export async function saveSettlements(
  db: Database,
  lease: Lease,
  settled: readonly SettledRecord[],
  wishes: SettlementWishes = nothingElse,
): Promise<Saved | undefined> {
  const successes = successesOnly(settled, wishes);
  if (successes !== undefined) {
    const status = await saveSuccesses(db, lease, successes);
    if (status !== undefined) return { status, skipped: 0, lost: false };
  }
  const usual = settled[0]?.settlement.status ?? 'pending';
  const given = settled.map((each) => toRow(each, usual)).join('\n');
  const [row] = await db.run(
    (sql) => sql<Saved[]>`
      with job as materialized (
        select id, claimed_to, claimed_under, status not in ('pending', 'processing', 'paused') as ended
        from batch_jobs where id = ${lease.batchJobId} for update
      ), given as materialized (
        select i as idx, c as claim, coalesce(s, ${usual}) as status, coalesce(n, 1) as counted, r as result,
          f as failure, g as group_id, w as retry_ms, p as progress, d as digest
        from string_to_table(${given}, chr(10)) as line, json_to_record(line::json) as given(
          i int, c int, s record_status, n int, r json, f jsonb, g text, w float8, p json, d text)
      ), settled as (
        update records set
          status = case when given.status = 'pending' and job.ended then 'skipped' else given.status end,
          tries = tries + given.counted,
          attempts = attempts + given.counted,
          result = given.result,
          progress = coalesce(given.progress, case when given.status = 'pending' then records.progress end),
          failure = case when given.failure is null and given.status = 'pending' then records.failure
                         when given.failure is not null and ${mayHaveArrived(sql)} then given.failure || '{"maybeApplied": true}'
                         else given.failure end,
          group_id = coalesce(given.group_id, case when given.status = 'pending' then records.group_id end),
          not_before = case when given.status <> 'pending' or job.ended then '-infinity'
                            when given.retry_ms is null then ${cameBack(sql)}
                            else now() + given.retry_ms * interval '1 millisecond' end,
          ${wishes.onFailure === 'dead-letter' ? sql`dead_letter = given.status in ('failed', 'retried_failed') or (dead_letter and given.status = 'pending'),` : sql``}
          alone = false, lease = null,
          settled_at = case when given.status = 'pending' and not job.ended then settled_at else now() end
        from given, job
        where records.job_id = (select id from job) and records.idx = any(array(select idx from given))
          and records.idx = given.idx and ${isUnderClaim(sql, lease)}
        returning records.idx, records.status, records.tries, records.attempts, records.wave, given.counted,
          given.failure, records.failure as told, given.group_id, records.record_id, records.order_key, given.digest
      ), logged as (
        insert into failed_attempts (job_id, idx, attempt, wave, failure, group_id)
        select ${lease.batchJobId}, idx, attempts, wave, failure, group_id from settled where failure is not null
      )${wishes.ordered ? sql`, ${releaseNext(sql, lease.batchJobId)}` : sql``}
      ${wishes.remembers ? sql`, ${rememberSuccesses(sql, lease.batchJobId, wishes.flowName)}` : sql``}
      ${wishes.forgets ? sql`, ${forgetSuccesses(sql, wishes.flowName)}` : sql``}
      ${wishes.callback !== null && wishes.onFailure === 'callback' ? sql`, ${oweFailures(sql, jobRow(sql, lease.batchJobId), asTold(sql))}` : sql``}
      , moved as (
        select count(*) as count,
          count(*) filter (where status = 'pending') as pending,
          count(*) filter (where status = 'succeeded') as succeeded,
          count(*) filter (where status = 'failed') as failed,
          count(*) filter (where status = 'retried_success') as retried_success,
          count(*) filter (where status = 'retried_failed') as retried_failed,
          count(*) filter (where status = 'skipped') as skipped,
          count(*) filter (where status = 'pending' and counted = 1 and tries = 1)
            - count(*) filter (where status <> 'pending' and tries - counted > 0) as tried,
          count(*) filter (where failure->'maybeApplied' = 'true') as maybe_applied
        from settled
      )
      update batch_jobs job set
        processing = processing - moved.count,
        pending = job.pending + moved.pending,
        succeeded = job.succeeded + moved.succeeded,
        failed = job.failed + moved.failed,
        retried_success = job.retried_success + moved.retried_success,
        retried_failed = job.retried_failed + moved.retried_failed,
        skipped = job.skipped + moved.skipped,
        wave_tried = wave_tried + moved.tried,
        wave_failed = wave_failed + moved.failed + moved.retried_failed,
        maybe_applied = job.maybe_applied + moved.maybe_applied,
        ${limitReached(sql, sql`moved.failed + moved.retried_failed`)}
      from moved
      where job.id = ${lease.batchJobId}
      returning job.status, moved.skipped::int, not exists (
        select from leases
        where job_id = ${lease.batchJobId} and lane = ${lease.lane} and token = ${lease.token}) as lost`,
  );
  return row;
}

/**
 * An earlier attempt may have reached the target, whatever has become of the later ones: true of `records` whose last
 * failure says so, unless the step whose answer was lost has been done since.
 */
const mayHaveArrived = (sql: Sql): Fragment => sql`
  (records.failure->'maybeApplied' = 'true'
    and coalesce(given.progress, records.progress)->'results'->(records.failure->>'step') is null)`;

/** The settled records with what is known of all their attempts. */
const asTold = (sql: Sql): Fragment => sql`
  (select idx, record_id, status, attempts, told as failure from settled)`;

/**
 * Assignments that stop a running job in the statement in which the final failures of its wave reach the
 * limit: it fails, or pauses if it is to. `failures` is what the statement adds to them. A job that is paused
 * already is then paused for this reason.
 */
export function limitReached(sql: Sql, failures: Fragment): Fragment {
  const counted = sql`wave_failed - failures_forgiven + ${failures}`;
  const reached = sql`(job.status in ('pending', 'processing', 'paused')
    and ${counted} >= case when continue_on_error then max_failures else 1 end)`;
  const pauses = sql`${reached} and on_limit = 'pause'`;
  return sql`
    status = case when ${pauses} then 'paused' when ${reached} then 'failed' else job.status end,
    stop_reason = case when ${reached} and on_limit = 'fail'
      then (case when continue_on_error then 'max_failures' else 'first_failure' end)::stop_reason
      else job.stop_reason end,
    pause_kind = case when ${pauses} then 'limit' when ${reached} then null else pause_kind end,
    pause_message = case
      when ${pauses} and continue_on_error
        then format('%s records failed, which is as many as may (max_failures %s).', ${counted}, max_failures)
      when ${pauses} then 'A record failed, and none may (continue_on_error false).'
      when ${reached} then null else pause_message end,
    paused_at = case when ${pauses} then coalesce(paused_at, now()) when ${reached} then null else paused_at end,
    probe_at = case when ${reached} then null else probe_at end`;
}

/** Short name of the group a failure belongs to. */
export function groupId(failure: Failure): string {
  return `g${createHash('sha256').update(groupKey(failure)).digest('hex').slice(0, 10)}`;
}

/** The group as successes of one kind of which nothing else is wished; undefined: it is none. */
function successesOnly(settled: readonly SettledRecord[], wishes: SettlementWishes): Successes | undefined {
  const { ordered, remembers, forgets } = wishes;
  const [first] = settled;
  if (first === undefined || ordered || remembers || forgets) return undefined;
  const { status } = first.settlement;
  if (status !== 'succeeded' && status !== 'retried_success') return undefined;
  const results: Successes['results'][number][] = [];
  for (const { record, settlement } of settled) {
    if (settlement.status !== status) return undefined;
    results.push({ record, result: settlement.result });
  }
  return { status, results };
}

const nothingElse: SettlementWishes = {
  flowName: '',
  ordered: false,
  remembers: false,
  forgets: false,
  onFailure: 'log',
  callback: null,
};

/** What most have in common is not named: the status `usual`, and that the attempt counts. */
function toRow({ record, settlement, digest }: SettledRecord, usual: RecordStatus): string {
  const { status } = settlement;
  const s = status === usual ? undefined : status;
  return storableJson({ i: record.index, c: record.claim, s, ...columnsOf(settlement), d: digest });
}

function columnsOf(settlement: Settlement) {
  if ('uncounted' in settlement) {
    return { n: 0, ...failureColumns(settlement.failure), p: settlement.progress };
  }
  if ('result' in settlement) return { r: settlement.result };
  const { failure, progress } = settlement;
  const failed = { ...failureColumns(failure), p: progress };
  return 'retryInMs' in settlement ? { ...failed, w: settlement.retryInMs } : failed;
}

const failureColumns = (failure: Failure | undefined) =>
  failure === undefined ? {} : { f: failure, g: groupId(failure) };
