import type { LimitAction } from '../domain/job.ts';
import type { JobEventKind } from '../domain/job-event.ts';
import type { Database, Fragment, Sql } from './database.ts';

/** What a caller wants of a job that has not finished. Of the limits, null takes one away. */
export interface JobOrder {
  readonly action?: 'pause' | 'resume' | 'cancel' | undefined;
  /** With pause and cancel: attempts under way end at once. */
  readonly now?: boolean | undefined;
  readonly concurrency?: number | undefined;
  readonly rate?: string | null | undefined;
  readonly maxFailures?: number | null | undefined;
  readonly maxFailureRate?: number | null | undefined;
  readonly onLimit?: LimitAction | undefined;
}

/**
 * Does all that an order says, in one statement, or nothing. False: the job is not in a state for it, or has
 * finished. The same order twice is obeyed twice, and changes nothing the second time. `said` is what the log says
 * of it, if it changes anything; default: nothing.
 */
export async function steerJob(
  db: Database,
  batchJobId: string,
  order: JobOrder,
  said?: string,
): Promise<boolean> {
  const rows = await db.run(
    (sql) => sql`
      with job as materialized (
        select id, status as before, pause_kind as paused_before from batch_jobs
        where id = ${batchJobId} and finished_at is null and ${obeys(sql, order.action)}
        for update
      ), steered as (
        update batch_jobs set ${newLimits(sql, order)}${newState(sql, order)}
        from job
        where batch_jobs.id = job.id
        returning batch_jobs.id, job.before, job.paused_before
      ), changed as (
        select id, ${eventOf(sql, order)} as kind from steered
      ), noted as (
        insert into job_events (job_id, kind, message, actor, at)
        -- Orders of the same moment stand in the order in which the job obeyed them.
        select id, kind, ${said?.slice(0, 1000) ?? ''}, ${db.actor}::text, clock_timestamp() from changed
        where kind is not null and ${said !== undefined}
      )
      select id from steered`,
  );
  return rows.length > 0;
}

/** What the log calls it; null: nothing was changed. */
function eventOf(sql: Sql, { action, now: _, ...limits }: JobOrder): Fragment {
  const setsLimits = Object.values(limits).some((value) => value !== undefined);
  const otherwise = setsLimits ? sql`'changed'` : sql`null`;
  const unlessBefore = (kind: JobEventKind, already: Fragment) =>
    sql`case when ${already} then ${otherwise} else ${kind} end`;
  if (action === 'cancel') return unlessBefore('cancelled', sql`before = 'cancelled'`);
  if (action === 'resume') return unlessBefore('resumed', sql`before <> 'paused'`);
  if (action === undefined) return otherwise;
  return unlessBefore('paused', sql`before = 'paused' and paused_before is distinct from 'circuit'`);
}

/** Only a person's approval lets a job begin that waits for one. */
function obeys(sql: Sql, action: JobOrder['action']): Fragment {
  if (action === undefined) return sql`true`;
  if (action === 'cancel') return sql`status in ('pending', 'processing', 'paused', 'cancelled')`;
  if (action === 'pause') return sql`status in ('pending', 'processing', 'paused')`;
  return sql`status in ('pending', 'processing', 'paused') and pause_kind is distinct from 'approval'`;
}

function newLimits(sql: Sql, order: JobOrder): Fragment {
  const { concurrency = null, onLimit = null } = order;
  const removable = (value: string | number | null | undefined, column: Fragment, type: Fragment) =>
    value === undefined ? column : sql`${value}::${type}`;
  return sql`
    concurrency = coalesce(${concurrency}::int, batch_jobs.concurrency),
    wave_concurrency = coalesce(${concurrency}::int, wave_concurrency),
    peak_concurrency = case when ${concurrency}::int is null then peak_concurrency
                            else greatest(peak_concurrency, wave_concurrency) end,
    rate = ${removable(order.rate, sql`rate`, sql`text`)},
    max_failures = ${limitOf(sql, order)},
    max_failure_rate = ${removable(order.maxFailureRate, sql`max_failure_rate`, sql`float8`)},
    on_limit = coalesce(${onLimit}::limit_action, on_limit)`;
}

const limitOf = (sql: Sql, { maxFailures }: JobOrder) =>
  maxFailures === undefined ? sql`max_failures` : sql`${maxFailures}::int`;

function newState(sql: Sql, order: JobOrder): Fragment {
  const { action, now = false } = order;
  if (action === 'pause') return pausedState(sql, now);
  if (action === 'resume') return resumedState(sql, order);
  if (action === undefined) return sql``;
  return sql`,
    status = 'cancelled', stop_reason = 'cancelled', stop_message = null, cancel_now = cancel_now or ${now},
    ${notPaused(sql)}`;
}

/** A job that paused by itself, and would go on by itself, stays paused from then on. */
function pausedState(sql: Sql, now: boolean): Fragment {
  const stays = sql`(status = 'paused' and pause_kind is distinct from 'circuit')`;
  return sql`,
    status = 'paused', cancel_now = cancel_now or (${now} and pause_kind is distinct from 'approval'),
    pause_kind = case when ${stays} then pause_kind else 'caller' end,
    pause_message = case when ${stays} then pause_message else 'Somebody asked for it.' end,
    paused_at = coalesce(paused_at, now()), probe_at = null`;
}

/** When the limit is still reached, as many records may fail again. */
function resumedState(sql: Sql, order: JobOrder): Fragment {
  const limit = sql`case when continue_on_error then ${limitOf(sql, order)} else 1 end`;
  return sql`,
    status = case when status <> 'paused' then status when started_at is null then 'pending' else 'processing' end,
    failures_forgiven = case when status = 'paused' and wave_failed - failures_forgiven >= ${limit}
      then wave_failed else failures_forgiven end,
    ramp_stage = case when pause_kind = 'ramp' then ramp_stage + 1 else ramp_stage end,
    cancel_now = false, ${notPaused(sql)}`;
}

/** Assignments of a job that is not paused. */
export const notPaused = (sql: Sql): Fragment => sql`
  pause_kind = null, pause_message = null, paused_at = null, probe_at = null, probes = 0`;
