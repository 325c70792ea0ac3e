import type { Failure } from '../domain/failure.ts';
import type { SetAsideReason } from '../domain/job.ts';
import type { JsonValue } from '../domain/json.ts';
import type { RecordStatus } from '../domain/record.ts';
import type { Database, Fragment, Sql } from './database.ts';
import { shownStatus } from './fresh-claims.ts';

/** A payload that a patch has replaced. */
export interface PayloadVersion {
  /** 0: as it came in. */
  readonly revision: number;
  readonly payload: JsonValue;
  /** Milliseconds since 1970, as the times below. */
  readonly replacedAtMs: number;
}

/** One record as it stands, and what its payload was before. */
export interface RecordStory {
  readonly index: number;
  readonly id: string | null;
  readonly status: RecordStatus;
  readonly setAside: SetAsideReason | null;
  readonly deadLetter: boolean;
  /** Waits until the records before it with the same order key are done. */
  readonly held: boolean;
  readonly wave: number;
  readonly attempts: number;
  /** Counts the patches to the payload. */
  readonly revision: number;
  readonly payload: JsonValue;
  readonly result: JsonValue;
  readonly failure: Failure | null;
  /** The answer of at least one attempt was lost after the call was sent. */
  readonly maybeApplied: boolean;
  /** When the next attempt may start, if that is still to come. */
  readonly waitsUntilMs: number | null;
  readonly settledAtMs: number | null;
  /** The newest first, at most `versionsAtMost`. */
  readonly versions: readonly PayloadVersion[];
}

const versionsAtMost = 5;

export async function findRecordStory(
  db: Database,
  batchJobId: string,
  index: number,
): Promise<RecordStory | undefined> {
  const [story] = await db.run(
    (sql) => sql<Omit<RecordStory, 'versions'>[]>`
      select idx as index, record_id as id, ${shownStatus(sql)} as status, records.set_aside as "setAside",
        dead_letter as "deadLetter", held, records.wave::int, attempts, revision::int, payload, result, failure,
        ${ms(sql, sql`settled_at`)} as "settledAtMs",
        case when records.status = 'pending' and isfinite(not_before) and not_before > now()
          then ${ms(sql, sql`not_before`)} end as "waitsUntilMs",
        exists (
          select from failed_attempts attempt
          where attempt.job_id = records.job_id and attempt.idx = records.idx
            and attempt.failure->'maybeApplied' = 'true') as "maybeApplied"
      from records join batch_jobs job on job.id = records.job_id
      where job_id = ${batchJobId} and idx = ${index}`,
  );
  if (story === undefined) return undefined;
  const versions = await db.run(
    (sql) => sql<PayloadVersion[]>`
      select revision::int, payload, ${ms(sql, sql`replaced_at`)} as "replacedAtMs" from payload_versions
      where job_id = ${batchJobId} and idx = ${index}
      order by revision desc limit ${versionsAtMost}`,
  );
  return { ...story, versions };
}

const ms = (sql: Sql, at: Fragment) => sql`(extract(epoch from ${at}) * 1000)::float8`;
