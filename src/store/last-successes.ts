import type { Fragment, Sql } from './database.ts';

/**
 * CTE that keeps what the flow made of each record of a CTE named `settled` that has just succeeded. In the
 * order of the ids, so that two jobs of one flow do not wait for each other.
 */
export function rememberSuccesses(sql: Sql, batchJobId: string, flowName: string): Fragment {
  return sql`
    remembered as (
      insert into last_successes (flow_name, record_id, digest, job_id)
      select distinct on (record_id) ${flowName}, record_id, digest, ${batchJobId}::uuid from settled
      where status in ('succeeded', 'retried_success') and record_id is not null and digest is not null
      order by record_id, idx desc
      on conflict (flow_name, record_id) do update
        set digest = excluded.digest, job_id = excluded.job_id, at = now()
    )`;
}
