import type { Fragment, Sql } from './database.ts';
import type { Lease } from './leases.ts';

/**
 * Most records are claimed once and settled once. So the claim of fresh ones is written in one place for all,
 * as the index up to which those of a job have been claimed, and each of their rows only once, when it is
 * settled. What comes back, for whatever reason, is not fresh any more: its next claim stands in its row.
 *
 * Condition on `records` beside their `job`: fresh, claimed, and not settled since.
 */
export const isFreshlyClaimed = (sql: Sql): Fragment => sql`
  (records.status = 'pending' and records.not_before = '-infinity' and not records.held
    and records.idx <= job.claimed_to)`;

/** Condition on `records` beside their `job`: under the claim that they were fresh for, by this lease. */
export const isUnderFreshClaim = (sql: Sql, lease: Lease): Fragment => sql`
  (${isFreshlyClaimed(sql)} and job.claimed_under = ${lease.token})`;

/** Condition on `records` beside their `job` and what is `given` of each: under the very claim that is given. */
export const isUnderClaim = (sql: Sql, lease: Lease): Fragment => sql`
  (${isUnderFreshClaim(sql, lease)}
    or records.status = 'processing' and records.lease = ${lease.token} and records.claim = given.claim)`;

/**
 * How many rows of a job the statement sees, as `total`. A locked job row is the newest there is, and may count rows
 * that came while the statement waited for the lock: it does not see those, and must not pass over them.
 */
export const rowsSeen = (sql: Sql, batchJobId: string): Fragment => sql`
  (select total from batch_jobs where id = ${batchJobId}) as seen`;

/**
 * When a record that was claimed in vain is due: at once, before all others if it was not tried; a suspect that ran
 * alone does so again.
 */
export const cameBack = (sql: Sql): Fragment => sql`
  case when records.alone then 'infinity' when records.tries = 0 then 'epoch' else now() end`;

/** The status of `records` beside their `job` as everybody is told. */
export const shownStatus = (sql: Sql): Fragment => sql`
  case when ${isFreshlyClaimed(sql)} then 'processing' else records.status end`;
