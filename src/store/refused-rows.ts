import type { Failure } from '../domain/failure.ts';
import type { Fragment, Sql } from './database.ts';
import { oweFailures } from './deliveries.ts';
import { groupId } from './settlements.ts';
import { storableJson } from './storable-json.ts';

/** The part of a new record that says whether it fails at once. */
interface Row {
  readonly id: string | null;
  readonly failure?: Failure;
}

/**
 * CTEs, or nothing, that keep the failures of rows on their way in as attempt 0, and owe the calls that tell of
 * them. The whole row of the job has to be in a CTE named `job`.
 */
export function logRefused(sql: Sql, rows: readonly Row[], position: number): Fragment {
  const refused = rows.flatMap(({ id, failure }, at) =>
    failure === undefined ? [] : [{ i: position + at, k: id, f: failure, g: groupId(failure) }],
  );
  if (refused.length === 0) return sql``;
  return sql`
    bad as materialized (
      select * from json_to_recordset(${storableJson(refused)}::text::json) as given(i int, k text, f jsonb, g text)
    ), ${keepRefused(sql, sql`bad`)},`;
}

/** The same for a CTE named `sorted`. */
export function logSortedRefused(sql: Sql): Fragment {
  return sql`${keepRefused(sql, sql`(select * from sorted where f is not null)`)},`;
}

function keepRefused(sql: Sql, bad: Fragment): Fragment {
  const failed = sql`
    (select i as idx, k as record_id, 'failed'::record_status as status, 0 as attempts, f as failure from ${bad} as bad)`;
  return sql`
    refused as (
      insert into failed_attempts (job_id, idx, attempt, wave, failure, group_id)
      select job.id, i, 0, 0, f, g from job, ${bad} as bad
    ), ${oweFailures(sql, sql`job`, failed)}`;
}
