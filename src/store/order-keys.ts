import type { Fragment, Sql } from './database.ts';

/**
 * CTEs that let the next record of each order key go, once the one before is settled for good. They stand
 * beside a CTE named `settled` and lock nothing that another statement of the job could: it has the job row.
 */
export function releaseNext(sql: Sql, batchJobId: string): Fragment {
  return sql`
    next as materialized (
      select (
        select ctid from records
        where job_id = ${batchJobId} and held and order_key = done.order_key
        order by idx limit 1
      ) as at
      from (select distinct order_key from settled where status <> 'pending' and order_key is not null) as done
    ), released as (
      update records set held = false where ctid = any(array(select at from next where at is not null))
    )`;
}
