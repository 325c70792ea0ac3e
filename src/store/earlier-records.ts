import type { JsonValue } from '../domain/json.ts';
import type { RecordStatus } from '../domain/record.ts';
import type { Database, Fragment, Sql } from './database.ts';

/** Records of a finished job; all conditions must hold. */
export interface EarlierSelection {
  readonly batchJobId: string;
  readonly statuses: readonly RecordStatus[];
  readonly indexes?: readonly number[] | undefined;
  readonly ids?: readonly string[] | undefined;
  /** The undo job that takes them back: what succeeded, or was taken back, after it was made is not its concern. */
  readonly before?: string | undefined;
}

export interface EarlierRecord {
  readonly index: number;
  readonly id: string | null;
  readonly payload: JsonValue;
  readonly result: JsonValue;
}

/** Selected records with an index from `from` to before `to`, in the order of the input. */
export function listEarlierRecords(
  db: Database,
  selection: EarlierSelection,
  from: number,
  to: number,
): Promise<EarlierRecord[]> {
  return db.run(
    (sql) => sql<EarlierRecord[]>`
      select idx as index, record_id as id, payload, result from records
      where ${chosen(sql, selection)} and idx >= ${from} and idx < ${to}
      order by idx`,
  );
}

/** Indexes of the selected records, in the order of the input, and of those among them that have no result. */
export interface EarlierIndexes {
  readonly indexes: readonly number[];
  readonly withoutResult: readonly number[];
}

export async function listEarlierIndexes(db: Database, selection: EarlierSelection): Promise<EarlierIndexes> {
  const [row] = await db.run(
    (sql) => sql<EarlierIndexes[]>`
      select coalesce(json_agg(idx order by idx), '[]') as indexes,
        coalesce(json_agg(idx order by idx) filter (where result is null or result::text = 'null'), '[]')
          as "withoutResult"
      from records where ${chosen(sql, selection)}`,
    deadlineMs,
  );
  return row ?? { indexes: [], withoutResult: [] };
}

/** Whether any record is selected. */
export async function hasEarlierRecords(db: Database, selection: EarlierSelection): Promise<boolean> {
  const rows = await db.run((sql) => sql`select from records where ${chosen(sql, selection)} limit 1`);
  return rows.length > 0;
}

/** A million records take several seconds. */
const deadlineMs = 55_000;

function chosen(sql: Sql, { batchJobId, statuses, indexes, ids, before }: EarlierSelection): Fragment {
  const inList = (list: readonly unknown[]) =>
    sql`(select json_array_elements_text(${JSON.stringify(list)}::text::json))`;
  return sql`
    job_id = ${batchJobId} and status = any(array${inList(statuses)}::record_status[])
    ${indexes === undefined ? sql`` : sql`and idx = any(array${inList(indexes)}::int[])`}
    ${ids === undefined ? sql`` : sql`and record_id = any(array${inList(ids)})`}
    ${before === undefined ? sql`` : sql`and settled_at <= ${madeAt(sql, before)}`}`;
}

const madeAt = (sql: Sql, batchJobId: string) =>
  sql`(select created_at from batch_jobs where id = ${batchJobId})`;

/** Indexes of the records of a job that have been taken back, by undo jobs that did it before `before` was made. */
export async function undoneIndexes(
  db: Database,
  batchJobId: string,
  before?: string,
): Promise<ReadonlySet<number>> {
  const [row] = await db.run(
    (sql) => sql<{ indexes: number[] }[]>`
      select coalesce(json_agg((payload->>'index')::int), '[]') as indexes from records
      where job_id in (select id from batch_jobs where undo_of = ${batchJobId})
        and status in ('succeeded', 'retried_success')
        ${before === undefined ? sql`` : sql`and settled_at <= ${madeAt(sql, before)}`}`,
    deadlineMs,
  );
  return new Set(row?.indexes ?? []);
}

/** How a job stands to its undo jobs. */
export interface UndoneRecords {
  readonly undone: number;
  /** An undo job that has not finished. */
  readonly underWay: string | null;
  /** The undo job that was made last. */
  readonly latest: string | null;
}

export async function findUndone(db: Database, batchJobId: string): Promise<UndoneRecords> {
  const [row] = await db.run(
    (sql) => sql<UndoneRecords[]>`
      select coalesce(sum(succeeded + retried_success), 0)::int as undone,
        max(id::text) filter (where finished_at is null) as "underWay",
        (array_agg(id order by created_at desc))[1] as latest
      from batch_jobs where undo_of = ${batchJobId}`,
  );
  return row ?? { undone: 0, underWay: null, latest: null };
}

/** Records of an undo job whose target said that they were gone already. */
export async function countGone(db: Database, batchJobId: string): Promise<number> {
  const [row] = await db.run(
    (sql) => sql<{ count: number }[]>`
      select count(*)::int as count from records
      where job_id = ${batchJobId} and status in ('succeeded', 'retried_success') and result->'gone' is not null`,
    deadlineMs,
  );
  return row?.count ?? 0;
}
