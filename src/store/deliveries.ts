import type { Fragment, Sql } from './database.ts';

/** The form of what webhooks are sent; it grows, and changes only with this number. */
export const deliveryVersion = 1;

/** CTE that owes `connector` a call for each record of a CTE named `settled` that has just failed for good. */
export function oweFailures(sql: Sql, batchJobId: string, connector: string): Fragment {
  return sql`
    owed as (
      insert into deliveries (id, job_id, connector, event, payload)
      select gen_random_uuid(), ${batchJobId}::uuid, ${connector}, 'record.failed', json_build_object(
        'type', 'record.failed', 'version', ${deliveryVersion}::int,
        'timestamp', to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'data', json_build_object(
          'batch_job_id', ${batchJobId}::text, 'index', idx, 'id', record_id, 'status', status, 'attempts', attempts,
          'error', json_build_object(
            'class', failure->'class', 'code', failure->'code', 'message', failure->'message',
            'untrusted_message', failure->'untrustedMessage', 'step', failure->'step')))
      from settled where status in ('failed', 'retried_failed') and failure is not null
    )`;
}
