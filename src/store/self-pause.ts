import type { JobStatus } from '../domain/job.ts';
import type { Database, Fragment, Sql } from './database.ts';
import { noting } from './job-events.ts';
import type { Lease } from './leases.ts';
import { limitReached } from './settlements.ts';
import { notPaused } from './steering.ts';

/**
 * Stops a job whose limit of failures has come to be reached without a settlement: it was lowered, or rows
 * failed before their first attempt. Returns the job's status then; undefined: the limit is not reached.
 */
export async function stopAtLimit(db: Database, batchJobId: string): Promise<JobStatus | undefined> {
  const [row] = await db.run(
    (sql) => sql<{ status: JobStatus }[]>`
      update batch_jobs job set ${limitReached(sql, sql`0`)}
      where id = ${batchJobId} and finished_at is null
      returning status`,
  );
  return row === undefined || row.status === 'pending' || row.status === 'processing'
    ? undefined
    : row.status;
}

/** Stops a running job because too many of its last records failed. Undefined: it does not run, or not here. */
export async function stopAtRate(
  db: Database,
  lease: Lease,
  message: string,
): Promise<JobStatus | undefined> {
  const [row] = await db.run(
    (sql) => sql<{ status: JobStatus }[]>`
      with stopped as (
        update batch_jobs set
          status = case when on_limit = 'pause' then 'paused' else 'failed' end::job_status,
          stop_reason = case when on_limit = 'pause' then stop_reason else 'max_failure_rate' end,
          stop_message = case when on_limit = 'pause' then stop_message else ${message} end,
          pause_kind = case when on_limit = 'pause' then 'limit' end::pause_kind,
          pause_message = case when on_limit = 'pause' then ${message} end,
          paused_at = case when on_limit = 'pause' then now() end
        where ${runsHere(sql, lease)}
        returning id, status
      ), ${noting(sql, 'stopped', 'limit_reached', sql`${message}`)}
      select status from stopped`,
  );
  return row?.status;
}

/** Trouble of a connector that keeps a job from going on. */
export interface Trouble {
  /** For the caller. */
  readonly message: string;
  /** When one record tries whether it is over. */
  readonly probeInMs: number;
}

/** Pauses a running job until a record that tries finds the trouble gone. False: it does not run, or not here. */
export async function openCircuit(db: Database, lease: Lease, trouble: Trouble): Promise<boolean> {
  const rows = await db.run(
    (sql) => sql`
      with opened as (
        update batch_jobs set
          status = 'paused', pause_kind = 'circuit', pause_message = ${trouble.message}, paused_at = now(),
          probe_at = now() + ${trouble.probeInMs} * interval '1 millisecond', probes = 0
        where ${runsHere(sql, lease)}
        returning id
      ), ${noting(sql, 'opened', 'circuit_opened', sql`${trouble.message}`)}
      select 1 from opened`,
  );
  return rows.length === 1;
}

/** A record has tried in vain for the `probes`th time: the next one is due in `probeInMs`. */
export async function postponeProbe(
  db: Database,
  lease: Lease,
  probes: number,
  trouble: Trouble,
): Promise<void> {
  await db.run(
    (sql) => sql`
      update batch_jobs set
        pause_message = ${trouble.message}, probes = ${Math.min(probes, 30_000)},
        probe_at = now() + ${trouble.probeInMs} * interval '1 millisecond'
      where ${waitsHere(sql, lease)} and probes = ${probes - 1}`,
  );
}

/** Lets a job go on: a record that tried has found its target back, or nothing is left to try with. */
export async function closeCircuit(db: Database, lease: Lease): Promise<boolean> {
  const rows = await db.run(
    (sql) => sql`
      with closed as (
        update batch_jobs set status = 'processing', ${notPaused(sql)}
        where ${waitsHere(sql, lease)}
        returning id
      ), ${noting(sql, 'closed', 'circuit_closed', sql`'The target answers again; the job goes on.'`)}
      select 1 from closed`,
  );
  return rows.length === 1;
}

const runsHere = (sql: Sql, lease: Lease): Fragment => sql`
  id = ${lease.batchJobId} and finished_at is null and status in ('pending', 'processing') and ${isHeld(sql, lease)}`;

const waitsHere = (sql: Sql, lease: Lease): Fragment => sql`
  id = ${lease.batchJobId} and finished_at is null and status = 'paused' and pause_kind = 'circuit'
    and ${isHeld(sql, lease)}`;

const isHeld = (sql: Sql, { batchJobId, lane, token }: Lease): Fragment => sql`
  exists (select from leases where job_id = ${batchJobId} and lane = ${lane} and token = ${token})`;
