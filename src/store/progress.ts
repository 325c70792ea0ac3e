import type { ClaimedRecord } from '../domain/record.ts';
import type { Database } from './database.ts';
import { isUnderClaim } from './fresh-claims.ts';
import type { Lease } from './leases.ts';

/** Progress of a record whose attempt goes on. */
export interface ProgressSave {
  readonly record: ClaimedRecord;
  /** Higher than that of every earlier save of the same claim. */
  readonly save: number;
  /** The progress as JSON text that Postgres can hold. */
  readonly json: string;
}

/**
 * Keeps the progress of records under way, many at once, and returns the indexes of those it was kept for.
 *
 * A record that is no longer under this lease and claim is left alone, and so is one for which a later
 * save has come first.
 */
export async function saveProgress(
  db: Database,
  lease: Lease,
  saves: readonly ProgressSave[],
): Promise<Set<number>> {
  const given = saves.map(toRow).join('\n');
  const rows = await db.run(
    (sql) => sql<{ idx: number }[]>`
      with job as materialized (
        select id, claimed_to, claimed_under from batch_jobs where id = ${lease.batchJobId} for update
      ), given as materialized (
        select given.* from string_to_table(${given}, chr(10)) as line,
          json_to_record(line::json) as given(idx int, claim int, save int, progress json)
      )
      update records set
        progress = case when progress_save >= given.save then records.progress else given.progress end,
        progress_save = greatest(progress_save, given.save)
      from given, job
      where records.job_id = (select id from job) and records.idx = any(array(select idx from given))
        and records.idx = given.idx and ${isUnderClaim(sql, lease)}
      returning records.idx`,
  );
  return new Set(rows.map(({ idx }) => idx));
}

const toRow = ({ record, save, json }: ProgressSave): string =>
  `{"idx":${record.index},"claim":${record.claim},"save":${save},"progress":${json}}`;
