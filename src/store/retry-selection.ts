import type { RecordStatus } from '../domain/record.ts';
import type { Fragment, Sql } from './database.ts';

/** Which records of a finished job go another round; all conditions must hold. */
export interface RetrySelection {
  readonly statuses: readonly Extract<RecordStatus, 'failed' | 'retried_failed' | 'skipped'>[];
  readonly groupIds?: readonly string[] | undefined;
  readonly indexes?: readonly number[] | undefined;
  readonly ids?: readonly string[] | undefined;
  /** Only those marked as dead letters. */
  readonly deadLetters?: boolean | undefined;
  /** Only those whose call may have reached the target, or only the others. */
  readonly maybeApplied?: boolean | undefined;
  /** The records take those of this job back: only such as no other job has taken back meanwhile. */
  readonly undoOf?: string | undefined;
}

/** As well for records that are done. */
type Selection = Omit<RetrySelection, 'statuses'> & { readonly statuses: readonly RecordStatus[] };

/** Conditions on `records` that a selection comes to. Records set aside at intake are never chosen. */
export function selectedBy(sql: Sql, selection: Selection): Fragment {
  const { statuses, groupIds, indexes, ids, deadLetters, maybeApplied, undoOf } = selection;
  return sql`
    status = any(array${listOf(sql, statuses)}::record_status[]) and set_aside is null
    ${indexes === undefined ? sql`` : sql`and idx = any(array${listOf(sql, indexes)}::int[])`}
    ${ids === undefined ? sql`` : sql`and record_id = any(array${listOf(sql, ids)})`}
    ${groupIds === undefined ? sql`` : sql`and group_id = any(array${listOf(sql, groupIds)})`}
    ${deadLetters === true ? sql`and dead_letter` : sql``}
    ${maybeApplied === undefined ? sql`` : sql`and coalesce(failure->'maybeApplied' = 'true', false) = ${maybeApplied}`}
    ${undoOf === undefined ? sql`` : sql`and not ${isUndone(sql, undoOf)}`}`;
}

const isUndone = (sql: Sql, undoOf: string): Fragment => sql`
  exists (
    select from records done join batch_jobs undo on undo.id = done.job_id
    where undo.undo_of = ${undoOf} and done.status in ('succeeded', 'retried_success')
      and (done.payload->>'index')::int = (records.payload->>'index')::int)`;

/** True of a record that could not be read: what is kept of it is no payload that could be sent. */
export const isUnread = (sql: Sql): Fragment =>
  sql`(attempts = 0 and revision = 0 and coalesce(failure->>'step' = 'source', false))`;

const listOf = (sql: Sql, list: readonly unknown[]): Fragment =>
  sql`(select json_array_elements_text(${JSON.stringify(list)}::text::json))`;

/** The parts of a selection that a caller names one by one. */
export type Named = Pick<RetrySelection, 'groupIds' | 'indexes' | 'ids'>;
/** What is named, and the statuses of the records to choose from. */
export type NamedAmong = Named & Pick<Selection, 'statuses'>;

export const columnOf = { groupIds: 'group_id', indexes: 'idx', ids: 'record_id' } as const satisfies Record<
  keyof Named,
  string
>;
