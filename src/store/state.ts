import type { JsonValue } from '../domain/json.ts';
import type { Database, Fragment, Sql } from './database.ts';
import type { Lease } from './leases.ts';
import { storableJson } from './storable-json.ts';

/** One durable value: of a record, or with `index` null of the whole job. */
export interface StateKey {
  readonly index: number | null;
  readonly key: string;
}

/** A write of one value. Those of one key are sent one after the other, under rising numbers. */
export interface StateWrite extends StateKey {
  readonly lease: Lease;
  readonly number: number;
}

/** `refused`: the lease is not held any more. `no_number`: there is something else to add to. */
export type Added = number | 'refused' | 'no_number';

const idxOf = ({ index }: StateKey) => index ?? -1;

export async function readState(
  db: Database,
  batchJobId: string,
  key: StateKey,
): Promise<JsonValue | undefined> {
  // In a list, since null is a value as well.
  const [row] = await db.run(
    (sql) => sql<{ held: [JsonValue] }[]>`
      select json_build_array(value) as held from job_state
      where job_id = ${batchJobId} and idx = ${idxOf(key)} and key = ${key.key}`,
  );
  return row?.held[0];
}

/**
 * Sets a value; a write that comes after one with a higher number, or of a later lease, changes nothing.
 * False: the lease is not held any more.
 */
export async function writeState(db: Database, write: StateWrite, value: JsonValue): Promise<boolean> {
  const json = storableJson(value);
  const held = await put(
    db,
    write,
    (sql) => sql`${json}::text::json`,
    (sql) => sql`excluded.value`,
  );
  return held !== undefined;
}

/** Adds to a number, which is 0 at first, and returns the sum. The same write sent twice adds once. */
export async function addToState(db: Database, write: StateWrite, by: number): Promise<Added> {
  const held = await put(
    db,
    write,
    (sql) => sql`to_json(${by}::float8)`,
    (sql) => sql`case when json_typeof(kept.value) = 'number'
      then to_json((kept.value #>> '{}')::float8 + ${by}::float8) else kept.value end`,
  );
  if (held === undefined) return 'refused';
  return typeof held[0] === 'number' ? held[0] : 'no_number';
}

/** Writes what is `first` for a key that is not there and `next` for one that is; returns what is there then. */
async function put(
  db: Database,
  write: StateWrite,
  first: (sql: Sql) => Fragment,
  next: (sql: Sql) => Fragment,
): Promise<[JsonValue] | undefined> {
  const { lease, key, number } = write;
  const [row] = await db.run((sql) => {
    const isNewer = sql`(kept.token, kept.write) < (excluded.token, excluded.write)`;
    return sql<{ held: [JsonValue] }[]>`
      with held as materialized (
        select job_id from leases
        where job_id = ${lease.batchJobId} and lane = ${lease.lane} and token = ${lease.token}
      )
      insert into job_state as kept (job_id, idx, key, value, token, write)
      select job_id, ${idxOf(write)}::int, ${key}, ${first(sql)}, ${lease.token}::bigint, ${number}::bigint from held
      on conflict (job_id, idx, key) do update set
        value = case when ${isNewer} then ${next(sql)} else kept.value end,
        token = case when ${isNewer} then excluded.token else kept.token end,
        write = case when ${isNewer} then excluded.write else kept.write end
      returning json_build_array(value) as held`;
  });
  return row?.held;
}
