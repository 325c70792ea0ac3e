import type { JobStatus } from '../domain/job.ts';
import type { Database } from './database.ts';
import { noting } from './job-events.ts';
import type { Lease } from './leases.ts';

/** The end of a step of a job's ramp. */
export interface RampGate {
  /** Steps that have been passed as far as this process knows. */
  readonly stage: number;
  /** Records from this index on have to wait. */
  readonly ceiling: number;
  /** Share of failed ones below the ceiling, 0 to 1, above which the job pauses. */
  readonly maxFailureRate: number;
  /** What comes after the gate, in words. */
  readonly next: string;
}

export interface Gated {
  readonly stage: number;
  readonly status: JobStatus;
}

/**
 * Takes a job past a gate of its ramp when every record below is settled: to its next step, or to a pause when
 * too many of them failed. Returns how the job stands; undefined: it does not run in its first wave, or not here.
 */
export async function passGate(db: Database, lease: Lease, gate: RampGate): Promise<Gated | undefined> {
  const { stage, ceiling, maxFailureRate, next } = gate;
  const percent = `${Math.round(maxFailureRate * 1000) / 10} %`;
  const [row] = await db.run(
    (sql) => sql<Gated[]>`
      with job as materialized (
        select id, ramp_stage, status from batch_jobs
        where id = ${lease.batchJobId} and status in ('pending', 'processing') and finished_at is null
          and wave = 0 and exists (
            select from leases where job_id = batch_jobs.id and lane = ${lease.lane} and token = ${lease.token})
        for update
      ), below as materialized (
        select count(*) filter (where status in ('failed', 'retried_failed'))::int as failed,
          count(*) filter (where set_aside is null)::int as tried,
          count(*) filter (where status in ('pending', 'processing'))::int as open
        from records where job_id = (select id from job) and idx < ${ceiling}
      ), done as materialized (
        select failed, tried, failed > tried * ${maxFailureRate}::float8 as closed from below where open = 0
      ), gated as (
        update batch_jobs set
          ramp_stage = batch_jobs.ramp_stage + (not closed)::int,
          status = case when closed then 'paused' else batch_jobs.status end,
          pause_kind = case when closed then 'ramp' end::pause_kind,
          pause_message = case when closed then format('%s of the first %s records failed, more than the %s that the ramp allows.', done.failed, tried, ${percent}::text) end,
          paused_at = case when closed then now() end
        from job, done
        where batch_jobs.id = job.id and job.ramp_stage = ${stage} and pending > 0
          and (intake <> 'reading' or intake_position >= ${ceiling})
        returning batch_jobs.id, batch_jobs.ramp_stage, batch_jobs.status, pause_message, done.failed, tried
      ), ${noting(
        sql,
        'gated',
        'ramp_step',
        sql`coalesce('Paused: ' || pause_message, format('%s of the first %s records failed; %s.', failed, tried, ${next}::text))`,
      )}
      select coalesce(gated.ramp_stage, job.ramp_stage) as stage, coalesce(gated.status, job.status) as status
      from job left join gated on true`,
  );
  return row;
}
