import type { JsonObject } from '../domain/json.ts';
import type { Database, Fragment, Sql } from './database.ts';
import { storableJson } from './storable-json.ts';

/** A retry that its caller may ask for again without another one beginning. */
export interface KeyedRetry {
  readonly key: string;
  /** The same for calls with the same arguments. */
  readonly requestDigest: string;
  /** What the caller is told, besides the wave and the number of its records. */
  readonly answer: JsonObject;
}

export interface KeptRetry extends Omit<KeyedRetry, 'key'> {
  readonly wave: number;
  readonly selected: number;
}

/** A CTE that keeps the key of a retry beside a CTE `begun` that returns its job, if the wave has begun. */
export function keepKey(sql: Sql, { key, requestDigest, answer }: KeyedRetry): Fragment {
  return sql`
    keyed as (
      insert into retry_keys (job_id, key, request_digest, wave, selected, answer)
      select id, ${key}::text, ${requestDigest}::text, wave, selected, ${storableJson(answer)}::text::json from begun
    )`;
}

/** The retry of a job that a key stands for, if it stands for one. */
export async function findRetryByKey(
  db: Database,
  batchJobId: string,
  key: string,
): Promise<KeptRetry | undefined> {
  const [row] = await db.run(
    (sql) => sql<KeptRetry[]>`
      select request_digest as "requestDigest", wave, selected, answer from retry_keys
      where job_id = ${batchJobId} and key = ${key}`,
  );
  return row;
}
