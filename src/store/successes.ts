import type { JobStatus } from '../domain/job.ts';
import type { JsonValue } from '../domain/json.ts';
import type { ClaimedRecord } from '../domain/record.ts';
import type { Database } from './database.ts';
import { refusesContent } from './database-fault.ts';
import { isUnderSharedClaim } from './fresh-claims.ts';
import type { Lease } from './leases.ts';
import { storableJson } from './storable-json.ts';

/** Records that have succeeded, all in the first wave or all in later ones, all fresh or all under one claim. */
export interface Successes {
  readonly status: 'succeeded' | 'retried_success';
  /** null: they are fresh. */
  readonly claim: number | null;
  readonly results: readonly { readonly record: ClaimedRecord; readonly result: JsonValue }[];
}

/**
 * Writes records that have succeeded, all of them or none, and moves the job's counters with them: what
 * `saveSettlements` does, without all that only other outcomes need. Most groups are such, and of a small one the
 * statement itself costs more than its rows do. So it locks the job by moving the counters, by as many as are given,
 * and divides by zero when it has not found all of them under their claim, which undoes it.
 *
 * @returns the job's status; undefined: nothing was changed, and `saveSettlements` has to look at each of them.
 */
export async function saveSuccesses(
  db: Database,
  lease: Lease,
  { status, claim, results }: Successes,
): Promise<JobStatus | undefined> {
  const indexes = `{${results.map(({ record }) => record.index).join()}}`;
  const triedBefore = results.filter(({ record }) => record.tries > 0).length;
  // Postgres takes lines apart faster than JSON.
  const values = results.map(({ result }) => storableJson(result)).join('\n');
  try {
    const [row] = await db.run(
      (sql) => sql<{ status: JobStatus }[]>`
        with job as (
          update batch_jobs job set
            processing = processing - ${results.length},
            ${sql(status)} = job.${sql(status)} + ${results.length},
            wave_tried = wave_tried - ${triedBefore}
          where id = ${lease.batchJobId}
          returning id, status, claimed_to, claimed_under
        ), settled as (
          update records set status = ${status}, tries = tries + 1, attempts = attempts + 1,
            result = nullif(given.result, 'null')::json, progress = null, failure = null, group_id = null,
            dead_letter = false, alone = false, lease = null, settled_at = now()
          from job, rows from (unnest(${indexes}::int[]), string_to_table(${values}, chr(10))) as given(idx, result)
          where records.job_id = (select id from job) and records.idx = any(${indexes}::int[])
            and records.idx = given.idx and ${isUnderSharedClaim(sql, lease, claim)}
          returning 1
        )
        select status, 1 / ((select count(*) from settled) = ${results.length})::int as found_all from job`,
    );
    return row?.status;
  } catch (error) {
    if (refusesContent(error)) return undefined;
    throw error;
  }
}
