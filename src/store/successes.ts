import type { JobStatus } from '../domain/job.ts';
import type { JsonValue } from '../domain/json.ts';
import type { ClaimedRecord } from '../domain/record.ts';
import type { Database } from './database.ts';
import { isUnderClaim } from './fresh-claims.ts';
import type { Lease } from './leases.ts';
import { storableJson } from './storable-json.ts';

/** Records that have succeeded, all in the first wave or all in later ones. */
export interface Successes {
  readonly status: 'succeeded' | 'retried_success';
  readonly results: readonly { readonly record: ClaimedRecord; readonly result: JsonValue }[];
}

/**
 * Writes records that have succeeded, and moves the job's counters with them: what `saveSettlements` does, without
 * all that only other outcomes need. Most groups are such, and of a small one the statement itself costs more than
 * its rows do.
 */
export async function saveSuccesses(
  db: Database,
  lease: Lease,
  { status, results }: Successes,
): Promise<JobStatus | undefined> {
  const indexes = inLines(results.map(({ record }) => record.index));
  const claims = inLines(results.map(({ record }) => record.claim));
  const values = inLines(results.map(({ result }) => storableJson(result)));
  const [row] = await db.run(
    (sql) => sql<{ status: JobStatus }[]>`
      with job as materialized (
        select id, claimed_to, claimed_under from batch_jobs where id = ${lease.batchJobId} for update
      ), given as materialized (
        select i::int as idx, c::int as claim, nullif(r, 'null')::json as result from rows from (
          string_to_table(${indexes}, chr(10)), string_to_table(${claims}, chr(10)), string_to_table(${values}, chr(10))
        ) as given(i, c, r)
      ), found as materialized (
        select ctid as at from records
        where job_id = (select id from job) and idx = any(array(select idx from given))
      ), settled as (
        update records set status = ${status}, tries = tries + 1, attempts = attempts + 1,
          result = given.result, progress = null, failure = null, group_id = null, dead_letter = false,
          alone = false, lease = null, settled_at = now()
        from given, job
        where records.ctid = any(array(select at from found))
          and records.idx = given.idx and ${isUnderClaim(sql, lease)}
        returning records.tries
      ), moved as (
        select count(*) as count, count(*) filter (where tries > 1) as tried_before from settled
      )
      update batch_jobs job set
        processing = processing - moved.count,
        ${sql(status)} = job.${sql(status)} + moved.count,
        wave_tried = wave_tried - moved.tried_before
      from moved
      where job.id = (select id from job)
      returning job.status`,
  );
  return row?.status;
}

/**
 * Postgres takes lines apart faster than JSON, and expects as many of them as a large group has: of an array it
 * would expect ten, and compare each with each record.
 */
const inLines = (values: readonly (number | string)[]): string => values.join('\n');
