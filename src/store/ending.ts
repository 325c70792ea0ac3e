import type { Failure } from '../domain/failure.ts';
import type { JobStatus, RecordCounts } from '../domain/job.ts';
import type { JsonValue } from '../domain/json.ts';
import type { FinishedRecord } from '../domain/record.ts';
import type { Database } from './database.ts';
import type { Lease } from './leases.ts';
import { storableJson } from './storable-json.ts';

/** A job in which nothing is left to do but the end part of its flow. */
export interface DueEnding {
  readonly wave: number;
  /** What the job comes to. */
  readonly status: JobStatus;
  readonly counts: RecordCounts;
}

/** The end part that has to run before the job is finished; undefined: none at present, or not for this lease. */
export async function findDueEnding(db: Database, lease: Lease): Promise<DueEnding | undefined> {
  const [row] = await db.run(
    (sql) => sql<DueEnding[]>`
      select wave,
        case when status in ('failed', 'cancelled') then status
             when failed + retried_failed + skipped - set_aside > 0 or intake = 'stopped' then 'completed_with_errors'
             else 'completed' end as status,
        json_build_object(
          'pending', pending, 'processing', processing, 'succeeded', succeeded, 'failed', failed,
          'retried_success', retried_success, 'retried_failed', retried_failed, 'skipped', skipped) as counts
      from batch_jobs
      where id = ${lease.batchJobId} and has_end and ending_wave is distinct from wave
        and finished_at is null and status <> 'paused' and intake <> 'reading'
        and pending = 0 and processing = 0
        and exists (select from leases where job_id = batch_jobs.id and lane = ${lease.lane} and token = ${lease.token})`,
  );
  return row;
}

/** What running the end part came to. */
export type EndingOutcome = { readonly result: JsonValue } | { readonly failure: Failure };

/** Notes that the end part has run for a wave. Nothing changes for another wave, or without the lease. */
export async function saveEnding(
  db: Database,
  lease: Lease,
  wave: number,
  outcome: EndingOutcome,
): Promise<void> {
  const failure = 'failure' in outcome ? storableJson(outcome.failure) : null;
  const result = 'result' in outcome ? storableJson(outcome.result) : null;
  await db.run(
    (sql) => sql`
      update batch_jobs set
        ending_wave = wave, ending_failure = ${failure}::text::jsonb, ending_result = ${result}::text::json
      where id = ${lease.batchJobId} and wave = ${wave} and ending_wave is distinct from wave
        and finished_at is null and has_end
        and exists (select from leases where job_id = batch_jobs.id and lane = ${lease.lane} and token = ${lease.token})`,
  );
}

/** What the end part returned for the present wave. */
export async function readEndingResult(db: Database, batchJobId: string): Promise<JsonValue> {
  const [row] = await db.run(
    (sql) => sql<{ held: [JsonValue] }[]>`
      select json_build_array(ending_result) as held from batch_jobs where id = ${batchJobId}`,
  );
  return row?.held[0] ?? null;
}

/** Records with a final status among those with an index from `from` to before `to`, in the order of the input. */
export async function listFinalRecords(
  db: Database,
  batchJobId: string,
  from: number,
  to: number,
): Promise<FinishedRecord[]> {
  // A range of indexes, not a limit: with some statistics the planner would sort the whole job for that.
  return db.run(
    (sql) => sql<FinishedRecord[]>`
      select idx as index, record_id as id, status, payload, result, failure->>'message' as error
      from records
      where job_id = ${batchJobId} and idx >= ${from} and idx < ${to} and status not in ('pending', 'processing')
      order by idx`,
  );
}
