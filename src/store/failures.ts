import { and, asc, eq, gt, inArray, isNotNull } from 'drizzle-orm';
import type { Failure } from '../domain/failure.ts';
import type { RecordCounts } from '../domain/job.ts';
import type { JsonValue } from '../domain/json.ts';
import type { RecordStatus } from '../domain/record.ts';
import type { Database } from './database.ts';
import { records } from './schema.ts';

/** Finally failed records with the same cause. */
export interface FailureGroup {
  readonly groupId: string;
  readonly count: number;
  /** Those whose call may have reached the target. */
  readonly maybeApplied: number;
  readonly firstAt: Date | null;
  readonly lastAt: Date | null;
  /** The first of them, at most three. */
  readonly samples: readonly [FailureSample, ...FailureSample[]];
}

export interface FailureSample {
  readonly index: number;
  readonly id: string | null;
  readonly failure: Failure;
}

export interface FailureGroups {
  readonly groups: readonly FailureGroup[];
  /** Of all of them, also those that are not listed. */
  readonly groupCount: number;
  readonly failureCount: number;
  /** How the job stood at the same moment; undefined: there are no groups. */
  readonly tally: Tally | undefined;
}

export interface Tally {
  readonly wave: number;
  readonly total: number;
  readonly counts: RecordCounts;
}

export interface FailedRecord {
  readonly index: number;
  readonly id: string | null;
  readonly status: RecordStatus;
  readonly attempts: number;
  readonly failure: Failure;
  readonly groupId: string;
  readonly deadLetter: boolean;
  readonly payload: JsonValue;
}

export interface GroupsWanted {
  readonly limit: number;
  /** Groups passed over. */
  readonly offset?: number | undefined;
  /** Only this one. */
  readonly groupId?: string | undefined;
}

/** The failures of a job by cause, largest group first. */
export async function groupFailures(
  db: Database,
  batchJobId: string,
  { limit, offset = 0, groupId }: GroupsWanted,
): Promise<FailureGroups> {
  // The inner query makes small rows (offset keeps it apart): without statistics the planner sorts them all. Samples
  // are picked from the members at hand, since there is no index that begins with groups.
  const rows = await db.run(
    (sql) => sql<GroupRow[]>`
      with groups as materialized (
        select group_id, count(*)::int as count, min(idx) as first, array_agg(idx) as members,
          min(settled_at) as first_at, max(settled_at) as last_at, count(*) filter (where maybe_applied)::int as maybe_applied
        from (
          select group_id, idx, settled_at, failure ? 'maybeApplied' as maybe_applied from records
          where job_id = ${batchJobId} and group_id is not null and status in ('failed', 'retried_failed') offset 0
        ) as failed
        group by group_id
      ), shown as materialized (
        select * from groups ${groupId === undefined ? sql`` : sql`where group_id = ${groupId}`}
        order by count desc, first limit ${limit} offset ${offset}
      ), whole as (
        select count(*)::int as groups, sum(count)::int as failures from groups
      )
      select group_id as "groupId", count, maybe_applied as "maybeApplied", groups as "groupCount",
        failures as "failureCount", first_at as "firstAt", last_at as "lastAt", samples,
        (select json_build_object('wave', wave, 'total', total, 'counts', json_build_object(
          'pending', pending, 'processing', processing, 'succeeded', succeeded, 'failed', failed,
          'retried_success', retried_success, 'retried_failed', retried_failed, 'skipped', skipped))
          from batch_jobs where id = ${batchJobId}) as tally
      from whole, shown, lateral (
        select json_agg(json_build_object('index', idx, 'id', record_id, 'failure', failure) order by idx) as samples
        from records where job_id = ${batchJobId}
          and idx = any(array(select member from unnest(members) member order by member limit 3))
      ) as found
      order by count desc, first`,
  );
  const [first] = rows;
  return {
    groups: rows.map(({ groupCount: _, failureCount: __, tally: ___, firstAt, lastAt, ...group }) => ({
      ...group,
      firstAt: firstAt === null ? null : new Date(firstAt),
      lastAt: lastAt === null ? null : new Date(lastAt),
    })),
    groupCount: first?.groupCount ?? 0,
    failureCount: first?.failureCount ?? 0,
    tally: first?.tally,
  };
}

interface GroupRow
  extends Omit<FailureGroup, 'firstAt' | 'lastAt'>,
    Pick<FailureGroups, 'groupCount' | 'failureCount' | 'tally'> {
  /** As Postgres writes them. */
  readonly firstAt: string | null;
  readonly lastAt: string | null;
}

export interface FailurePage {
  /** Only records behind this index; -1: from the first. */
  readonly after: number;
  readonly limit: number;
  readonly groupId?: string | undefined;
  /** Only those kept as dead letters. */
  readonly deadLetters?: boolean | undefined;
}

const failedStatuses = ['failed', 'retried_failed'] as const;

/** Finally failed records in the order of the input; of dead letters also those whose retry was stopped. */
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
        deadLetter: records.deadLetter,
        payload: records.payload,
      })
      .from(records)
      .where(
        and(
          eq(records.jobId, batchJobId),
          isNotNull(records.groupId),
          inArray(
            records.status,
            page.deadLetters === true ? [...failedStatuses, 'skipped'] : [...failedStatuses],
          ),
          gt(records.idx, page.after),
          page.groupId === undefined ? undefined : eq(records.groupId, page.groupId),
          page.deadLetters === true ? records.deadLetter : undefined,
        ),
      )
      .orderBy(asc(records.idx))
      .limit(page.limit),
  );
  return rows.flatMap(({ failure, groupId, ...row }) =>
    failure === null || groupId === null ? [] : [{ ...row, failure, groupId, payload: row.payload ?? null }],
  );
}

/** Payloads of a few records by their index. */
export async function readPayloads(
  db: Database,
  batchJobId: string,
  indexes: readonly number[],
): Promise<Map<number, JsonValue>> {
  const rows = await db.run(
    (sql) => sql<{ index: number; payload: JsonValue }[]>`
      select idx as index, payload from records
      where job_id = ${batchJobId}
        and idx = any(array(select json_array_elements_text(${JSON.stringify(indexes)}::text::json))::int[])`,
  );
  return new Map(rows.map(({ index, payload }) => [index, payload]));
}
