import type { Fragment, Sql } from './database.ts';

/**
 * CTEs that let the next record of each order key go, once the one before is settled for good. They stand
 * beside a CTE named `from` that returns the settled records, and lock nothing that another statement of the
 * job could: it has the job row. What they let go is not fresh, since records behind it may have been claimed. (The cast keeps the planner from walking the index of held records.)
 */
export function releaseNext(sql: Sql, batchJobId: string, from = 'settled'): Fragment {
  return sql`
    next as materialized (
      select (
        select ctid from records
        where job_id = ${batchJobId} and held and order_key = done.order_key
        order by idx limit 1
      ) as at
      from (select distinct order_key from ${sql(from)} where status <> 'pending' and order_key is not null) as done
    ), released as (
      update records set held = false, not_before = now() where ctid = any(array(select at from next where at is not null)) and held::text = 'true'
    )`;
}

/**
 * CTEs that let the first held record of each order key go. Right only while no record of the job that has a
 * key may run: they look at no others.
 */
export function releaseFirst(sql: Sql): Fragment {
  return sql`
    first as materialized (
      select distinct on (order_key) ctid as at from records
      where job_id = (select id from job) and held
      order by order_key, idx
    ), released as (
      update records set held = false where ctid = any(array(select at from first)) and held::text = 'true'
    )`;
}
