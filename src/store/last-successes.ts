import type { Database, Fragment, Sql } from './database.ts';
import { successScope } from './success-scope.ts';

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

/**
 * CTEs that forget what a flow has made of the records of a CTE named `settled` that have just been taken back:
 * whatever was sent for their ids is not there any more. In the order of the ids, too.
 */
export function forgetSuccesses(sql: Sql, flowName: string): Fragment {
  return sql`
    taken_back as materialized (
      select record_id from last_successes
      where flow_name = ${flowName} and record_id in (
        select record_id from settled where status in ('succeeded', 'retried_success'))
      order by record_id
      for update
    ), forgotten as (
      delete from last_successes
      where flow_name = ${flowName} and record_id in (select record_id from taken_back)
    )`;
}

/** What a flow last did with success, by the id of the record; ids it has not had are absent. */
export async function lastDigests(
  db: Database,
  flowName: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const scope = successScope(db.owner ?? null, flowName);
  const rows = await db.run(
    (sql) => sql<{ id: string; digest: string }[]>`
      select record_id as id, digest from last_successes
      where flow_name = ${scope} and record_id in (select json_array_elements_text(${JSON.stringify(ids)}::text::json))`,
  );
  return new Map(rows.map(({ id, digest }) => [id, digest]));
}
