import type { Failure } from '../domain/failure.ts';
import type { Database, Sql } from './database.ts';
import { jobRow, oweFailures } from './deliveries.ts';
import { cameBack, isFreshlyClaimed } from './fresh-claims.ts';
import { noting } from './job-events.ts';
import type { Lease } from './leases.ts';
import { releaseNext } from './order-keys.ts';
import { groupId, limitReached } from './settlements.ts';

const died: Failure = {
  class: 'interrupted',
  code: 'process_died',
  message: 'The process that ran this record ended without a word',
};

const poison: Failure = {
  class: 'interrupted',
  code: 'poison',
  message: 'The process died each time it ran this record, the last time with nothing else under way',
};

const answerLost: Failure = {
  class: 'interrupted',
  code: 'answer_lost',
  message:
    'The process that ran this record ended without a word. Whether its call was carried out is not known: look at the target before retrying',
};

/**
 * Returns records that an earlier holder of the lane left `processing` to `pending`.
 *
 * Without the lease, or in a copy that comes late, it takes nothing of what a later claim took. The database knows
 * what was claimed, not what had started: of the unsettled records only the first `underWay` in start order count a crash. From its second
 * crash a record waits to run alone; one that crashed while alone fails as poison. `effects`: what was under way may
 * have reached its target. `leavesLost`: then it must not be sent again, so that whatever counts a crash fails.
 */
export async function rescueRecords(
  db: Database,
  lease: Lease,
  underWay: number,
  effects: boolean,
  leavesLost = false,
): Promise<number> {
  const mark = effects ? { maybeApplied: true } : {};
  const last = leavesLost ? answerLost : poison;
  const diedJson = JSON.stringify({ ...died, ...mark });
  const lastJson = JSON.stringify({ ...last, ...mark });
  const isOver = (sql: Sql) => (leavesLost ? sql`ran` : sql`(alone and ran)`);
  const [row] = await db.run(
    (sql) => sql<{ count: number }[]>`
      with job as materialized (
        select id, on_record_failure, claimed_to, claimed_under is distinct from ${lease.token}::bigint as by_others
        from batch_jobs where id = ${lease.batchJobId} and finished_at is null for update
      ), held as materialized (
        select job_id from leases
        where job_id = (select id from job) and lane = ${lease.lane} and token = ${lease.token} for update
      ), stranded as materialized (
        select idx, row_number() over (order by coalesce(claimed_after, idx), claimed_after is not null, claim, idx) <= ${underWay} as ran
        from (
          select idx, claim, claimed_after from records
          where job_id = (select job_id from held) and status = 'processing' and lease <> ${lease.token}
          union all
          select idx, null, null from records
          where job_id = (select job_id from held) and status = 'pending' and not_before = '-infinity' and not held
            and idx <= (select claimed_to from job where by_others)
        ) as claimed
      ), rescued as (
        update records set
          status = case when not ${isOver(sql)} then 'pending'
                        when wave > 0 then 'retried_failed' else 'failed' end::record_status,
          crashes = crashes + ran::int,
          attempts = attempts + ran::int,
          not_before = case when ${isOver(sql)} then '-infinity' when crashes + ran::int >= 2 then 'infinity'
                            else ${cameBack(sql)} end,
          failure = case when ${isOver(sql)} then ${lastJson}::text::jsonb
                         when ran and ${effects} then ${diedJson}::text::jsonb else failure end,
          group_id = case when ${isOver(sql)} then ${groupId(last)}
                          when ran and ${effects} then ${groupId(died)} else group_id end,
          settled_at = case when ${isOver(sql)} then now() else settled_at end,
          dead_letter = dead_letter or (${isOver(sql)} and (select on_record_failure from job) = 'dead-letter'),
          lease = null, alone = false
        from stranded, job
        where records.job_id = (select job_id from held) and records.idx = any(array(select idx from stranded))
          and records.idx = stranded.idx
          and (records.status = 'processing' or job.by_others and ${isFreshlyClaimed(sql)})
        returning records.idx, records.attempts, records.wave, records.tries, records.status, records.order_key,
          records.record_id, records.failure, stranded.ran
      ), ${releaseNext(sql, lease.batchJobId, 'rescued')}, logged as (
        insert into failed_attempts (job_id, idx, attempt, wave, failure, group_id)
        select ${lease.batchJobId}, idx, attempts, wave,
          case when status = 'pending' then ${diedJson}::text::jsonb else ${lastJson}::text::jsonb end,
          case when status = 'pending' then ${groupId(died)} else ${groupId(last)} end
        from rescued where ran
      ), ${oweFailures(sql, jobRow(sql, lease.batchJobId), sql`rescued`)}, moved as (
        select count(*)::int as count,
          count(*) filter (where status = 'pending') as pending,
          count(*) filter (where status = 'failed') as failed,
          count(*) filter (where status = 'retried_failed') as retried_failed,
          count(*) filter (where status <> 'pending' and tries > 0) as tried,
          count(*) filter (where ran and ${effects}) as maybe_applied
        from rescued
      )
      , taken as (
        select id, count from job, moved where moved.count > 0
      ), ${noting(sql, 'taken', 'taken_over', takenMessage(sql))}
      update batch_jobs job set
        processing = processing - moved.count,
        pending = job.pending + moved.pending,
        failed = job.failed + moved.failed,
        retried_failed = job.retried_failed + moved.retried_failed,
        wave_tried = wave_tried - moved.tried,
        wave_failed = wave_failed + moved.failed + moved.retried_failed,
        maybe_applied = job.maybe_applied + moved.maybe_applied,
        peak_concurrency = 0,
        ${limitReached(sql, sql`moved.failed + moved.retried_failed`)}
      from moved
      where job.id = (select job_id from held)
      returning moved.count`,
  );
  return row?.count ?? 0;
}

const takenMessage = (sql: Sql) => sql`
  format('Another process took the job over; %s records were under way or about to start.', count)`;

/**
 * Returns to `pending` what a claim took whose answer got lost: nothing of it was started.
 *
 * A claim that arrives late finds another claim number and takes nothing, and a copy of this that does so leaves later
 * claims alone. `claimedTo`: how far fresh records had been claimed before it. Returns the number of the next claim, or undefined when the lane belongs to somebody else.
 */
export async function returnLostClaim(
  db: Database,
  lease: Lease,
  claim: number,
  claimedTo: number,
): Promise<number | undefined> {
  // By itself, so that what follows sees what the claim did, should it be under way still.
  const [held] = await db.run(
    (sql) => sql<{ claims: number }[]>`
      update leases set claims = greatest(claims, ${claim} + 1)
      where job_id = ${lease.batchJobId} and lane = ${lease.lane} and token = ${lease.token}
      returning claims`,
  );
  await db.run(
    (sql) => sql`
      with job as materialized (
        select id, claimed_to, claimed_under from batch_jobs where id = ${lease.batchJobId} for update
      ), held as materialized (
        select job_id from leases
        where job_id = (select id from job) and lane = ${lease.lane} and token = ${lease.token}
          and claims = ${claim} + 1 for update
      ), returned as (
        update records set status = 'pending', not_before = ${cameBack(sql)}, lease = null, alone = false
        where job_id = (select job_id from held) and status = 'processing'
          and lease = ${lease.token} and claim = ${claim}
        returning 1
      ), fresh as (
        select from records, job
        where job_id = (select job_id from held) and claimed_under = ${lease.token} and idx > ${claimedTo}
          and ${isFreshlyClaimed(sql)}
      ), moved as (
        select (select count(*) from returned) + (select count(*) from fresh) as count
      )
      update batch_jobs job set
        pending = pending + moved.count, processing = processing - moved.count,
        claimed_to = case when claimed_under = ${lease.token} then least(claimed_to, ${claimedTo}) else claimed_to end
      from moved
      where job.id = (select job_id from held) and moved.count > 0`,
  );
  return held?.claims;
}
