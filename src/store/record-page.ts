import type { Failure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { RecordStatus } from '../domain/record.ts';
import type { Database } from './database.ts';
import { shownStatus } from './fresh-claims.ts';

/** A record as it stands. */
export interface ListedRecord {
  readonly index: number;
  readonly id: string | null;
  readonly status: RecordStatus;
  readonly wave: number;
  readonly attempts: number;
  readonly deadLetter: boolean;
  readonly payload: JsonValue;
  readonly result: JsonValue;
  /** Of the last attempt; null: it was none, or the record has succeeded since. */
  readonly failure: Failure | null;
  readonly groupId: string | null;
  readonly settledAt: Date | null;
}

export interface RecordPage {
  /** Only records behind this index; -1: from the first. */
  readonly after: number;
  readonly limit: number;
  readonly statuses?: readonly RecordStatus[] | undefined;
}

/** Records of a job in the order of the input, whatever their status. */
export async function listRecords(
  db: Database,
  batchJobId: string,
  { after, limit, statuses }: RecordPage,
): Promise<ListedRecord[]> {
  const rows = await db.run(
    (sql) => sql<ListedRow[]>`
      select idx as index, record_id as id, ${shownStatus(sql)} as status, records.wave::int, attempts,
        dead_letter as "deadLetter", payload, result, failure, group_id as "groupId",
        (extract(epoch from settled_at) * 1000)::float8 as "settledAtMs"
      from records join batch_jobs job on job.id = records.job_id
      where job_id = ${batchJobId} and idx > ${after}
        ${statuses === undefined ? sql`` : sql`and ${shownStatus(sql)}::text in ${sql(statuses)}`}
      order by idx limit ${limit}`,
  );
  return rows.map(({ settledAtMs, ...row }) => ({
    ...row,
    settledAt: settledAtMs === null ? null : new Date(settledAtMs),
  }));
}

type ListedRow = Omit<ListedRecord, 'settledAt'> & { readonly settledAtMs: number | null };
