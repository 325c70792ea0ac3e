import type { RecordStatus } from '../domain/record.ts';
import type { Database, Fragment, Sql } from './database.ts';

/** Which records of a finished job go another round; all conditions must hold. */
export interface RetrySelection {
  readonly statuses: readonly Extract<RecordStatus, 'failed' | 'retried_failed' | 'skipped'>[];
  readonly groupIds?: readonly string[] | undefined;
  readonly indexes?: readonly number[] | undefined;
  readonly ids?: readonly string[] | undefined;
}

export interface Requeued {
  readonly selected: number;
  readonly wave: number;
  /** The rest of the source will be read as well. */
  readonly readsOn: boolean;
}

/**
 * Sends records of a finished job into another wave: failed ones one wave up, skipped ones in theirs.
 *
 * With `readOn`, an intake that was cut short goes on; one that broke only once nothing is skipped any
 * more, since it may break again and skip everything anew. With `endAgain`, a flow's end part that failed is
 * reason enough for another wave, which runs it once more. Returns undefined, having changed nothing, when
 * the job has not finished, its wave is not `wave` any more, or there is nothing to do.
 */
export async function requeueRecords(
  db: Database,
  batchJobId: string,
  wave: number,
  selection: RetrySelection,
  concurrency: number,
  readOn: boolean,
  endAgain = false,
): Promise<Requeued | undefined> {
  const [row] = await db.run(
    (sql) => sql<Requeued[]>`
      with job as materialized (
        select id, ${readOn} and intake = 'stopped'
          and (stop_reason is distinct from 'source_broken' or skipped = 0) as reads_on,
          ${endAgain} and has_end and ending_failure is not null as ends_again
        from batch_jobs
        where id = ${batchJobId} and finished_at is not null and wave = ${wave}
        for update
      ), chosen as materialized (
        select ctid as at from records
        where job_id = (select id from job) and ${chosen(sql, selection)}
      ), before as materialized (
        select records.ctid as at, status as old from records
        where ctid = any(array(select at from chosen))
      ), requeued as (
        update records set
          status = 'pending', wave = case when before.old = 'skipped' then wave else wave + 1 end,
          tries = 0, crashes = 0, not_before = '-infinity', settled_at = null, result = null,
          progress = case when progress is not null then
            json_build_object('results', progress->'results', 'indexes', progress->'indexes') end
        from before
        where records.ctid = before.at and records.status = before.old
        returning before.old
      ), moved as (
        select count(*)::int as count,
          count(*) filter (where old = 'failed') as failed,
          count(*) filter (where old = 'retried_failed') as retried_failed,
          count(*) filter (where old = 'skipped') as skipped
        from requeued
      )
      update batch_jobs as target set
        pending = target.pending + moved.count,
        failed = target.failed - moved.failed,
        retried_failed = target.retried_failed - moved.retried_failed,
        skipped = target.skipped - moved.skipped,
        status = 'processing', finished_at = null,
        stop_reason = case when target.stop_reason = 'source_broken' and not job.reads_on then target.stop_reason end,
        stop_message = case when job.reads_on then null else target.stop_message end,
        intake = case when job.reads_on then 'reading' else target.intake end::intake_state,
        wave = target.wave + 1, wave_failed = 0, wave_tried = 0, wave_concurrency = ${concurrency},
        wave_started_at = now(), wave_base = total - moved.count
      from moved, job
      where target.id = job.id and (moved.count > 0 or job.reads_on or job.ends_again)
      returning moved.count as selected, target.wave, job.reads_on as "readsOn"`,
    deadlineMs,
  );
  return row;
}

/** A million records take several seconds. */
const deadlineMs = 55_000;

function chosen(sql: Sql, { statuses, groupIds, indexes, ids }: RetrySelection): Fragment {
  const inList = (list: readonly unknown[]) =>
    sql`(select json_array_elements_text(${JSON.stringify(list)}::text::json))`;
  return sql`
    status = any(array${inList(statuses)}::record_status[])
    ${indexes === undefined ? sql`` : sql`and idx = any(array${inList(indexes)}::int[])`}
    ${ids === undefined ? sql`` : sql`and record_id = any(array${inList(ids)})`}
    ${groupIds === undefined ? sql`` : sql`and group_id = any(array${inList(groupIds)})`}`;
}
