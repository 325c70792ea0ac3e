import type { JobStatus, StopReason } from '../domain/job.ts';
import type { Database, Fragment, Sql } from './database.ts';
import { oweEnd } from './deliveries.ts';
import { rowsSeen } from './fresh-claims.ts';
import { noting } from './job-events.ts';
import type { Lease } from './leases.ts';
import { notPaused } from './steering.ts';

/** What a running lane has to know of its job, read again and again. */
export interface JobControl {
  readonly status: JobStatus;
  /** The job has been paused by a circuit, and it is time to try. */
  readonly probeDue: boolean;
  /** How often that has been tried in vain. */
  readonly probes: number;
  /** A paused or cancelled job: attempts under way end at once. */
  readonly now: boolean;
  readonly concurrency: number;
  readonly rate: string | null;
  readonly maxFailures: number | null;
  readonly failuresForgiven: number;
  readonly maxFailureRate: number | null;
  readonly finished: boolean;
}

export async function readControl(db: Database, batchJobId: string): Promise<JobControl | undefined> {
  const [row] = await db.run(
    (sql) => sql<JobControl[]>`
      select status, ${probeDue(sql)} as "probeDue", probes, cancel_now and status in ('paused', 'cancelled') as now,
        wave_concurrency as concurrency, rate, max_failures as "maxFailures",
        failures_forgiven as "failuresForgiven", max_failure_rate as "maxFailureRate",
        finished_at is not null as finished
      from batch_jobs where id = ${batchJobId}`,
  );
  return row;
}

/** Condition: a job that a circuit has paused may try again. */
export const probeDue = (sql: Sql): Fragment => sql`
  (status = 'paused' and pause_kind = 'circuit' and coalesce(probe_at <= now(), false))`;

/**
 * Ends a job that has not ended: what has not started will be skipped. False: it was over already, or
 * `lease` was given and is not held any more.
 */
export async function stopJob(
  db: Database,
  batchJobId: string,
  status: 'cancelled' | 'failed',
  reason: StopReason,
  { message, lease }: { readonly message?: string; readonly lease?: Lease } = {},
): Promise<boolean> {
  const rows = await db.run(
    (sql) => sql`
      update batch_jobs
      set status = ${status}, stop_reason = ${reason}, stop_message = ${message ?? null}, ${notPaused(sql)}
      where id = ${batchJobId} and finished_at is null and status in ('pending', 'processing', 'paused')
        and (${lease?.token ?? null}::bigint is null or exists (
          select from leases where job_id = batch_jobs.id and token = ${lease?.token ?? null}::bigint))
      returning 1`,
  );
  return rows.length === 1;
}

/**
 * Skips pending records of a job that has ended, looking at about `limit` rows. Returns how many, or undefined when
 * none are left: repeat until then.
 *
 * Few at a time, because a statement that moves a million rows would block the settlements of the
 * records still under way.
 */
export async function skipPending(
  db: Database,
  batchJobId: string,
  limit = 5000,
): Promise<number | undefined> {
  const [row] = await db.run(
    (sql) => sql<{ count: number; more: boolean }[]>`
      with job as materialized (
        select id, claimed_to from batch_jobs
        where id = ${batchJobId} and finished_at is null and status in ('failed', 'cancelled')
        for update
      ), bounds as materialized (
        select greatest(claimed_to, least(claimed_to + ${limit}, total - 1)) as reached
        from job, ${rowsSeen(sql, batchJobId)}
      ), waiting as materialized (
        select ctid as at from records
        where job_id = (select id from job) and not_before > '-infinity' and not held and status = 'pending'
        limit ${limit}
      ), held as materialized (
        select ctid as at from records
        where job_id = (select id from job) and held
        limit ${limit} - (select count(*) from waiting)
      ), fresh as materialized (
        select ctid as at from records
        where job_id = (select id from job) and status = 'pending' and not held and not_before = '-infinity'
          and idx > (select claimed_to from job) and idx <= (select reached from bounds)
      ), skipped as (
        update records set status = 'skipped', held = false, not_before = '-infinity', settled_at = now()
        where ctid = any(array(select at from waiting union all select at from held union all select at from fresh))
          and status = 'pending'
        returning tries
      ), moved as (
        select count(*)::int as count, count(*) filter (where tries > 0) as tried from skipped
      )
      update batch_jobs set
        pending = pending - moved.count, skipped = batch_jobs.skipped + moved.count,
        wave_tried = wave_tried - moved.tried, claimed_to = reached
      from moved, bounds, job
      where batch_jobs.id = job.id
      returning moved.count, moved.count > 0 or reached > job.claimed_to as more`,
  );
  return row?.more === true ? row.count : undefined;
}

/**
 * Finishes a job in which nothing is left to do, the end part of its flow included, and derives its
 * status. Undefined: not yet.
 */
export async function finishJob(db: Database, batchJobId: string): Promise<JobStatus | undefined> {
  const [row] = await db.run(
    (sql) => sql<{ status: JobStatus }[]>`
      with finished as (update batch_jobs set
        finished_at = now(), repeat_guard = null, obstacle = null, obstacle_since = null, throttle = null, ${notPaused(sql)},
        started_at = coalesce(started_at, now()),
        status = case
          when status in ('failed', 'cancelled') then status
          when failed + retried_failed + skipped - set_aside > 0 or intake = 'stopped' or (has_end and ending_failure is not null)
            then 'completed_with_errors'
          else 'completed' end
      where id = ${batchJobId} and finished_at is null and intake <> 'reading'
        and pending = 0 and processing = 0 and (not has_end or ending_wave is not distinct from wave)
      returning batch_jobs.*
      ), ${oweEnd(sql)}, ${noting(sql, 'finished', 'finished', finishedMessage(sql))}
      select status from finished`,
  );
  return row?.status;
}

const finishedMessage = (sql: Sql) => sql`
  format('Finished as %s: %s of %s records succeeded, %s failed, %s skipped.', status,
    succeeded + retried_success, total, failed + retried_failed, skipped)`;

/** Says why no process can run a job at present; null: the reason is gone. */
export async function setObstacle(db: Database, batchJobId: string, obstacle: string | null): Promise<void> {
  await db.run(
    (sql) => sql`
      update batch_jobs set obstacle = ${obstacle}, obstacle_since = case when ${obstacle}::text is null then null else now() end
      where id = ${batchJobId} and finished_at is null and obstacle is distinct from ${obstacle}`,
  );
}
