import type { Database, Fragment, Sql } from './database.ts';
import type { FailedRecord } from './failures.ts';
import { ownedBy } from './owner.ts';

/** A failed record that is kept for a person, whatever its job. */
export interface DeadLetter extends FailedRecord {
  readonly batchJobId: string;
  readonly flowName: string;
  /** When it failed, as text with every digit, so that it can be asked for again. */
  readonly failedAt: string;
}

/** Where a page ended. */
export type DeadLetterPlace = Pick<DeadLetter, 'failedAt' | 'batchJobId' | 'index'>;

export interface DeadLetterPage {
  readonly flowName?: string | undefined;
  /** Only those behind this place. */
  readonly behind?: DeadLetterPlace | undefined;
  readonly limit: number;
}

/** Those that are being sent again are none meanwhile; one that a stop then leaves out is one as before. */
const isDeadLetter = (sql: Sql): Fragment => sql`
  (records.dead_letter and records.status in ('failed', 'retried_failed', 'skipped'))`;

/** Dead letters across all jobs, those that failed last first. */
export async function listDeadLetters(db: Database, page: DeadLetterPage): Promise<DeadLetter[]> {
  const { behind, flowName, limit } = page;
  return db.run(
    (sql) => sql<DeadLetter[]>`
      select job_id as "batchJobId", idx as index, record_id as id, records.status, records.attempts, failure,
        group_id as "groupId", true as "deadLetter", payload, job.flow_name as "flowName",
        to_char(settled_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "failedAt"
      from records join batch_jobs job on job.id = job_id
      where ${isDeadLetter(sql)} and job.purged_at is null
        and ${ownedBy(sql, db.owner)}
        ${flowName === undefined ? sql`` : sql`and job.flow_name = ${flowName}`}
        ${
          behind === undefined
            ? sql``
            : sql`and (settled_at < ${behind.failedAt}::timestamptz or (settled_at = ${behind.failedAt}::timestamptz
                and (job_id, idx) > (${behind.batchJobId}::uuid, ${behind.index}::int)))`
        }
      order by settled_at desc, job_id, idx limit ${limit}`,
  );
}

export async function countDeadLetters(db: Database, flowName?: string): Promise<number> {
  const [row] = await db.run(
    (sql) => sql<{ count: number }[]>`
      select count(*)::int as count from records join batch_jobs job on job.id = job_id
      where ${isDeadLetter(sql)} and job.purged_at is null
        and ${ownedBy(sql, db.owner)}
        ${flowName === undefined ? sql`` : sql`and job.flow_name = ${flowName}`}`,
  );
  return row?.count ?? 0;
}

/**
 * Takes the mark off dead letters of a job; the records stay as they are. Returns how many lost it: 0 for a
 * repeat.
 */
export async function dropDeadLetters(
  db: Database,
  batchJobId: string,
  which: 'all' | readonly number[],
): Promise<number> {
  const [row] = await db.run(
    (sql) => sql<{ count: number }[]>`
      with job as materialized (
        select id from batch_jobs where id = ${batchJobId} for update
      ), dropped as (
        update records set dead_letter = false
        where job_id = (select id from job) and ${isDeadLetter(sql)}
          ${
            which === 'all'
              ? sql``
              : sql`and idx = any(array(select json_array_elements_text(${JSON.stringify(which)}::text::json))::int[])`
          }
        returning 1
      )
      select count(*)::int as count from dropped`,
  );
  return row?.count ?? 0;
}
