import type { Failure } from '../domain/failure.ts';
import type { DuplicateAction } from '../domain/job.ts';
import type { Fragment, Sql } from './database.ts';
import { groupId } from './settlements.ts';

/** What a job wants of its rows on their way in. */
export interface IntakeRules {
  readonly flowName: string;
  readonly idField: string | null;
  readonly duplicates: DuplicateAction;
  readonly skipUnchanged: boolean;
  /** Field whose equal values make records wait for each other. */
  readonly orderBy: string | null;
}

export const noRules: IntakeRules = {
  flowName: '',
  idField: null,
  duplicates: 'allow',
  skipUnchanged: false,
  orderBy: null,
};

/** Every row becomes a record that may run at once: jobs that want no more pay for no more. */
export const takesAll = ({ duplicates, skipUnchanged, orderBy }: IntakeRules): boolean =>
  duplicates === 'allow' && !skipUnchanged && orderBy === null;

/** Ids have to be remembered, so that rows to come can be compared with them. */
export const remembersIds = ({ duplicates, skipUnchanged }: IntakeRules): boolean =>
  duplicates !== 'allow' || skipUnchanged;

/**
 * CTEs that end in `sorted`: the rows of a JSON text with the status each begins with.
 *
 * Of the rows with one id the first counts, whatever becomes of it. A row is unchanged when it equals what the
 * flow last did with success, unless a row before it is about to change that.
 */
export function sortRows(sql: Sql, batchJobId: string, json: string, rules: IntakeRules): Fragment {
  const distinct = rules.duplicates !== 'allow';
  return sql`
    given as materialized (
      select * from json_to_recordset(${json}::text::json) as given(i int, k text, p json, f jsonb, g text, d text, o text)
    ), seen as materialized (
      select given.*, ids.idx as earlier,
        ${rules.skipUnchanged ? sql`last.digest is not null as known, coalesce(last.digest = d, false) as same` : sql`false as known, false as same`}
      from given
      left join record_ids ids on ids.job_id = ${batchJobId} and ids.record_id = k
      ${rules.skipUnchanged ? sql`left join last_successes last on last.flow_name = ${rules.flowName} and last.record_id = k` : sql``}
    ), ranked as materialized (
      select *, case when k is not null then coalesce(earlier,
        min(i) filter (where ${distinct} or (f is null and not same)) over (partition by k)) end as first
      from seen
    ), told as materialized (
      select *, f is null and ${distinct} and first < i as again,
        f is null and same and coalesce(first, i) >= i as unchanged
      from ranked
    ), sorted as materialized (
      select i, k, p, o, first, known,
        case when again and ${rules.duplicates === 'fail'} then ${duplicateSql(sql, rules.idField)} else f end as f,
        case when again and ${rules.duplicates === 'fail'} then ${groupId(duplicateOf(rules.idField, 0))} else g end as g,
        case when again and ${rules.duplicates === 'skip'} then 'duplicate'
             when unchanged and not again then 'unchanged' end::set_aside_reason as aside
      from told
    )`;
}

/** CTE that keeps the ids of `sorted` rows for the rows to come. */
export function rememberIds(sql: Sql): Fragment {
  return sql`
    listed as (
      insert into record_ids (job_id, record_id, idx)
      select job.id, k, i from job, sorted where first = i
      order by k
      on conflict do nothing
    )`;
}

/**
 * Inserts the `sorted` rows for the job of a CTE named `job`. Of an order key only the first record may run;
 * with `holdAll` not even that, because rows may still come.
 */
export function insertSorted(sql: Sql, holdAll: boolean): Fragment {
  return sql`
    insert into records (job_id, idx, record_id, payload, status, failure, group_id, settled_at, dead_letter, set_aside, order_key, held)
    select job.id, i, k, p,
      case when f is not null then 'failed' when aside is not null then 'skipped' else 'pending' end::record_status,
      f, g, case when f is not null or aside is not null then now() end,
      f is not null and job.on_record_failure = 'dead-letter', aside, o,
      f is null and aside is null and o is not null
        and (${holdAll} or row_number() over (partition by o, f is null and aside is null order by i) > 1)
    from job, sorted`;
}

/** Numbers of the `sorted` rows by what became of them, as one row. */
export function sortedCounts(sql: Sql, { skipUnchanged }: IntakeRules): Fragment {
  return sql`
    select count(*) filter (where f is not null)::int as failed,
      count(aside)::int as aside,
      count(*) filter (where f is null and aside is null and not known and ${skipUnchanged})::int as new,
      count(*) filter (where f is null and aside is null and known)::int as changed
    from sorted`;
}

function duplicateOf(idField: string | null, first: number): Failure {
  const message = `${nameOf(idField)} has the value that row ${first + 1} (index ${first}) has already`;
  // Like a row that could not be read, it has nothing to send unless something is put in its place.
  return { class: 'data', code: 'duplicate_id', message, step: 'source' };
}

/** The same as `duplicateOf`, for the row that was found. */
function duplicateSql(sql: Sql, idField: string | null): Fragment {
  const { class: errorClass, code, step } = duplicateOf(idField, 0);
  return sql`jsonb_build_object('class', ${errorClass}::text, 'code', ${code}::text, 'step', ${step ?? ''}::text,
    'message', format('%s has the value that row %s (index %s) has already', ${nameOf(idField)}::text, first + 1, first))`;
}

const nameOf = (idField: string | null) => `The id field ${JSON.stringify((idField ?? '').slice(0, 60))}`;
