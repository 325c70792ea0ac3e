import type { Failure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { RecordStatus } from '../domain/record.ts';
import type { Database } from './database.ts';
import {
  columnOf,
  isUnread,
  type Named,
  type NamedAmong,
  type RetrySelection,
  selectedBy,
} from './retry-selection.ts';

/** A record that a retry may take up, with what its payload is now. */
export interface Candidate {
  readonly index: number;
  readonly id: string | null;
  readonly status: RecordStatus;
  readonly failure: Failure | null;
  readonly payload: JsonValue;
  /** Counts the patches to the payload. */
  readonly revision: number;
  /** It could not be read: what is kept of it stands for its payload. */
  readonly unread: boolean;
  /** The key that its order goes by at present; null: it waits for no other, and none for it. */
  readonly orderKey: string | null;
}

/** Records of one page; each may have 1 MiB. */
const pageSize = 250;

/** Records that a selection fits, in the order of the input, page by page. */
export async function* listCandidates(
  db: Database,
  batchJobId: string,
  selection: RetrySelection,
): AsyncGenerator<readonly Candidate[]> {
  let after = -1;
  for (;;) {
    const page = await candidatesAfter(db, batchJobId, selection, after);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    after = last.index;
  }
}

async function candidatesAfter(
  db: Database,
  batchJobId: string,
  selection: RetrySelection,
  after: number,
): Promise<Candidate[]> {
  return db.run(
    (sql) => sql<Candidate[]>`
      select idx as index, record_id as id, status, failure, payload, revision::int, ${isUnread(sql)} as unread,
        order_key as "orderKey"
      from records
      where job_id = ${batchJobId} and idx > ${after} and ${selectedBy(sql, selection)}
      order by idx limit ${pageSize}`,
  );
}

/** What the payloads of some records were before they were patched, the newest first. */
export async function listEarlierPayloads(
  db: Database,
  batchJobId: string,
  indexes: readonly number[],
): Promise<Map<number, readonly JsonValue[]>> {
  if (indexes.length === 0) return new Map();
  const rows = await db.run(
    (sql) => sql<{ index: number; payloads: JsonValue[] }[]>`
      select idx as index, json_agg(payload order by revision desc) as payloads from payload_versions
      where job_id = ${batchJobId}
        and idx = any(array(select json_array_elements_text(${JSON.stringify(indexes)}::text::json))::int[])
      group by idx`,
  );
  return new Map(rows.map(({ index, payloads }) => [index, payloads]));
}

/** The records of a job that have one of these ids. */
export async function findWithIds(
  db: Database,
  batchJobId: string,
  ids: readonly string[],
): Promise<readonly { readonly index: number; readonly id: string }[]> {
  if (ids.length === 0) return [];
  return db.run(
    (sql) => sql<{ index: number; id: string }[]>`
      select idx as index, record_id as id from records
      where job_id = ${batchJobId}
        and record_id = any(array(select json_array_elements_text(${JSON.stringify(ids)}::text::json)))
      order by idx`,
  );
}

/** How many records a selection fits, and how many of them could not be read. */
export async function countCandidates(
  db: Database,
  batchJobId: string,
  selection: RetrySelection,
): Promise<{ readonly count: number; readonly unread: number }> {
  const [row] = await db.run(
    (sql) => sql<{ count: number; unread: number }[]>`
      select count(*)::int as count, count(*) filter (where ${isUnread(sql)})::int as unread
      from records where job_id = ${batchJobId} and ${selectedBy(sql, selection)}`,
  );
  return row ?? { count: 0, unread: 0 };
}

/** What a selection names and no record that could be chosen has. */
export async function findMissing(
  db: Database,
  batchJobId: string,
  { statuses, ...named }: NamedAmong,
): Promise<Partial<Record<keyof Named, string[]>>> {
  const missing: Partial<Record<keyof Named, string[]>> = {};
  for (const part of ['groupIds', 'indexes', 'ids'] as const) {
    const names = named[part];
    if (names === undefined) continue;
    const rows = await db.run(
      (sql) => sql<{ name: string }[]>`
        select name from (
          select json_array_elements_text(${JSON.stringify(names)}::text::json) as name
          except
          select ${sql(columnOf[part])}::text from records
          where job_id = ${batchJobId} and ${selectedBy(sql, { statuses })}
        ) as missing order by length(name), name`,
    );
    if (rows.length > 0) missing[part] = rows.map(({ name }) => name);
  }
  return missing;
}
