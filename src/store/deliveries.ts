import type { Fragment, Sql } from './database.ts';

/** The form of what webhooks are sent; it grows, and changes only with this number. */
export const deliveryVersion = 1;

/** Causes of failures that the end of a job is told with, at most. */
const groupsTold = 5;

/** The row of a job, as `oweFailures` takes it. */
export const jobRow = (sql: Sql, batchJobId: string) =>
  sql`(select * from batch_jobs where id = ${batchJobId})`;

/**
 * CTE that owes a call for each of the `settled` records that has just failed for good, if the job, which is the
 * one row of `told`, wants its failures told.
 */
export function oweFailures(sql: Sql, told: Fragment, settled: Fragment): Fragment {
  const error = sql`
    json_build_object(
      'class', failure->'class', 'code', failure->'code', 'message', failure->'message',
      'untrusted_message', failure->'untrustedMessage', 'step', failure->'step',
      'maybe_applied', coalesce(failure->'maybeApplied', 'false'))`;
  return sql`
    owed as (
      insert into deliveries (id, job_id, connector, event, payload)
      select gen_random_uuid(), told.id, told.callback, 'record.failed', ${eventSql(
        sql,
        sql`'record.failed'`,
        sql`now()`,
        sql`
          'batch_job_id', told.id, 'flow', ${flowSql(sql, sql`told`)}, 'label', told.label,
          'index', settled.idx, 'id', settled.record_id, 'status', settled.status,
          'attempts', settled.attempts, 'error', ${error}`,
      )}
      from ${settled} as settled, ${told} as told
      where told.callback is not null and told.on_record_failure = 'callback'
        and settled.status in ('failed', 'retried_failed') and failure is not null
    )`;
}

/** CTE that owes a call for the job of a CTE named `finished`, if somebody wants to be told of its end. */
export function oweEnd(sql: Sql): Fragment {
  return sql`
    owed as (
      insert into deliveries (id, job_id, connector, event, payload)
      select gen_random_uuid(), id, callback, 'batch.completed', ${eventSql(
        sql,
        sql`'batch.completed'`,
        sql`finished_at`,
        sql`
          'batch_job_id', id, 'flow', ${flowSql(sql, sql`finished`)}, 'label', label,
          'status', status, 'stop_reason', stop_reason, 'wave', wave, 'total', total,
          'counts', json_build_object(
            'pending', pending, 'processing', processing, 'succeeded', succeeded, 'failed', failed,
            'retried_success', retried_success, 'retried_failed', retried_failed, 'skipped', skipped),
          'failed_now', failed + retried_failed, 'maybe_applied', maybe_applied,
          'error_groups', ${groupsSql(sql)},
          'started_at', ${timeSql(sql, sql`started_at`)}, 'finished_at', ${timeSql(sql, sql`finished_at`)}`,
      )}
      from finished where callback is not null
    )`;
}

const eventSql = (sql: Sql, type: Fragment, at: Fragment, data: Fragment) => sql`
  json_build_object(
    'type', ${type}, 'version', ${deliveryVersion}::int, 'timestamp', ${timeSql(sql, at)},
    'data', json_build_object(${data}))`;

const flowSql = (sql: Sql, job: Fragment) => sql`
  json_build_object(
    'name', ${job}.flow_name, 'version', ${job}.flow_version, 'revision', ${job}.flow_revision)`;

const timeSql = (sql: Sql, at: Fragment) => sql`
  to_char(${at} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** The largest groups of failures of the job `finished`, in Sluice's words only. */
const groupsSql = (sql: Sql) => sql`
  (select coalesce(json_agg(json_build_object(
      'group_id', groups.group_id, 'count', groups.count, 'class', failure->'class', 'code', failure->'code',
      'message', failure->'message', 'step', failure->'step') order by groups.count desc, first), '[]'::json)
    from (
      select group_id, count(*)::int as count, min(idx) as first from records
      where job_id = finished.id and group_id is not null and records.status in ('failed', 'retried_failed')
      group by group_id order by count(*) desc, min(idx) limit ${groupsTold}
    ) as groups join records on records.job_id = finished.id and records.idx = groups.first)`;
