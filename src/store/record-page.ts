import { and, asc, eq, gt, inArray } from 'drizzle-orm';
import type { Failure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { RecordStatus } from '../domain/record.ts';
import type { Database } from './database.ts';
import { records } from './schema.ts';

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
  const rows = await db.read((reader) =>
    reader
      .select({
        index: records.idx,
        id: records.recordId,
        status: records.status,
        wave: records.wave,
        attempts: records.attempts,
        deadLetter: records.deadLetter,
        payload: records.payload,
        result: records.result,
        failure: records.failure,
        groupId: records.groupId,
        settledAt: records.settledAt,
      })
      .from(records)
      .where(
        and(
          eq(records.jobId, batchJobId),
          gt(records.idx, after),
          statuses === undefined ? undefined : inArray(records.status, [...statuses]),
        ),
      )
      .orderBy(asc(records.idx))
      .limit(limit),
  );
  return rows.map((row) => ({ ...row, payload: row.payload ?? null, result: row.result ?? null }));
}
