import { and, asc, eq, gt, sql } from 'drizzle-orm';
import type { Failure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { RecordStatus } from '../domain/record.ts';
import type { Database } from './database.ts';
import { records } from './schema.ts';

/** Finally failed records with the same cause. */
export interface FailureGroup {
  readonly groupId: string;
  readonly count: number;
  /** The failure of the first of them. */
  readonly sample: Failure;
  readonly sampleIndexes: readonly number[];
}

export interface FailedRecord {
  readonly index: number;
  readonly id: string | null;
  readonly status: RecordStatus;
  readonly attempts: number;
  readonly failure: Failure;
  readonly groupId: string;
  readonly payload: JsonValue;
}

/** The failures of a job by cause, largest group first. */
export async function groupFailures(
  db: Database,
  batchJobId: string,
  limit: number,
): Promise<FailureGroup[]> {
  const rows = await db.run(
    (sql) => sql<{ group_id: string; count: number; sample: Failure; indexes: string }[]>`
      with groups as materialized (
        select group_id, count(*)::int as count, min(idx) as first,
          (array_agg(idx order by idx))[1:3]::text as indexes
        from records
        where job_id = ${batchJobId} and status in ('failed', 'retried_failed')
        group by group_id order by count(*) desc, min(idx) limit ${limit}
      )
      select groups.group_id, groups.count, groups.indexes, records.failure as sample
      from groups join records on records.job_id = ${batchJobId} and records.idx = groups.first
      order by groups.count desc, groups.first`,
  );
  return rows.map((row) => ({
    groupId: row.group_id,
    count: row.count,
    sample: row.sample,
    sampleIndexes: row.indexes.slice(1, -1).split(',').map(Number),
  }));
}

export interface FailurePage {
  /** Only records behind this index; -1: from the first. */
  readonly after: number;
  readonly limit: number;
  readonly groupId?: string | undefined;
}

/** Finally failed records in the order of the input. */
export async function listFailures(
  db: Database,
  batchJobId: string,
  page: FailurePage,
): Promise<FailedRecord[]> {
  const rows = await db.read((reader) =>
    reader
      .select({
        index: records.idx,
        id: records.recordId,
        status: records.status,
        attempts: records.attempts,
        failure: records.failure,
        groupId: records.groupId,
        payload: records.payload,
      })
      .from(records)
      .where(
        and(
          eq(records.jobId, batchJobId),
          sql`${records.status} in ('failed', 'retried_failed')`,
          gt(records.idx, page.after),
          page.groupId === undefined ? undefined : eq(records.groupId, page.groupId),
        ),
      )
      .orderBy(asc(records.idx))
      .limit(page.limit),
  );
  return rows.flatMap(({ failure, groupId, ...row }) =>
    failure === null || groupId === null ? [] : [{ ...row, failure, groupId, payload: row.payload ?? null }],
  );
}
