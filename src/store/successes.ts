import type { JobStatus } from '../domain/job.ts';
import type { JsonValue } from '../domain/json.ts';
import type { ClaimedRecord } from '../domain/record.ts';
import type { Database } from './database.ts';
import { refusesContent } from './database-fault.ts';
import { isUnderClaim, isUnderFreshClaim } from './fresh-claims.ts';
import type { Lease } from './leases.ts';
import { orRollBack } from './roll-back.ts';
import { storableJson } from './storable-json.ts';

/** Records that have succeeded, all in the first wave or all in later ones. */
export interface Successes {
  readonly status: 'succeeded' | 'retried_success';
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
  { status, results }: Successes,
): Promise<JobStatus | undefined> {
  const indexes = inArray(results.map(({ record }) => record.index));
  // Nearly always all are fresh, and then the job's row says of all that they are claimed.
  const areFresh = results.every(({ record }) => record.isFresh);
  const claims = inArray(areFresh ? [] : results.map(({ record }) => record.claim));
  const triedBefore = results.filter(({ record }) => record.tries > 0).length;
  // Postgres takes lines apart faster than JSON, and expects as many of them as a large group has: of arrays alone it
  // would expect ten rows, and compare each with each record.
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
          from job, rows from (
            unnest(${indexes}::int[]), unnest(${claims}::int[]), string_to_table(${values}, chr(10))
          ) as given(idx, claim, result)
          where records.job_id = (select id from job) and records.idx = any(${indexes}::int[])
            and records.idx = given.idx
            and ${areFresh ? isUnderFreshClaim(sql, lease) : isUnderClaim(sql, lease)}
          returning 1
        )
        select status, ${orRollBack(sql, sql`(select count(*) from settled) = ${results.length}`)} as found_all from job`,
    );
    return row?.status;
  } catch (error) {
    // Counters that would fall below zero are refused before that, by a CHECK.
    if (refusesContent(error)) return undefined;
    throw error;
  }
}

const inArray = (numbers: readonly number[]): string => `{${numbers.join()}}`;
