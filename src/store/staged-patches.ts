import type { JsonValue } from '../domain/json.ts';
import type { Database } from './database.ts';
import { storableJson } from './storable-json.ts';

/** A record that a retry will take up; without `payload` as it is. */
export interface StagedRecord {
  readonly index: number;
  readonly payload?: JsonValue;
}

/** Kept by the statement that begins the wave, so that its repeat can be told from another retry. */
export const begunMark = -1;

/** Lays down which records a retry takes up and what becomes of them; nothing happens to them before it begins. */
export async function stageRecords(
  db: Database,
  retryId: string,
  records: readonly StagedRecord[],
): Promise<void> {
  if (records.length === 0) return;
  await db.run(
    (sql) => sql`
      insert into staged_patches (retry_id, idx, payload)
      select ${retryId}::uuid, i, p
      from json_to_recordset(${storableJson(records.map(({ index, payload }) => ({ i: index, p: payload })))}::text::json)
        as given(i int, p json)
      on conflict do nothing`,
    55_000,
  );
}

/** A retry with this id has begun its wave. */
export async function hasBegun(db: Database, retryId: string): Promise<boolean> {
  const rows = await db.run(
    (sql) => sql`select from staged_patches where retry_id = ${retryId} and idx = ${begunMark}`,
  );
  return rows.length > 0;
}

/** Forgets what was laid down for a retry. */
export async function clearStaged(db: Database, retryId: string): Promise<void> {
  await db.run(
    (sql) => sql`
      delete from staged_patches where retry_id = ${retryId}`,
    55_000,
  );
}
