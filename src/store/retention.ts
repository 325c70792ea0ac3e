import type { Database } from './database.ts';

/** Stands in the table of leases for the one process that tidies up. */
const housekeeping = '00000000-0000-0000-0000-000000000000';

/** Takes or keeps the right to tidy up for `ms`. False: another process has it. */
export async function holdHousekeeping(db: Database, holder: string, ms: number): Promise<boolean> {
  const rows = await db.run(
    (sql) => sql`
      insert into leases as held (job_id, token, holder, until)
      values (${housekeeping}, nextval('lease_tokens'), ${holder}, now() + ${ms} * interval '1 millisecond')
      on conflict (job_id, lane) do update
        set token = excluded.token, holder = excluded.holder, until = excluded.until
        where held.until < now() or held.holder = excluded.holder
      returning 1`,
  );
  return rows.length === 1;
}

/** Gives the right to tidy up back, if this process still has it. */
export async function endHousekeeping(db: Database, holder: string): Promise<void> {
  await db.run((sql) => sql`delete from leases where job_id = ${housekeeping} and holder = ${holder}`);
}

/**
 * Declares up to `limit` jobs purged that finished longer than `olderThanMs` ago, so that nobody uses again what
 * is about to go. Returns how many.
 */
export async function beginPurges(db: Database, olderThanMs: number, limit = 20): Promise<number> {
  const rows = await db.run(
    (sql) => sql`
      with old as materialized (
        select id from batch_jobs
        where finished_at < now() - ${olderThanMs} * interval '1 millisecond' and purged_at is null
        order by finished_at limit ${limit}
        for update skip locked
      )
      update batch_jobs set
        purged_at = now(), params = '{}', ending_result = null,
        ending_failure = ending_failure - 'untrustedMessage'
      where id = any(array(select id from old)) and purged_at is null and finished_at is not null
      returning 1`,
  );
  return rows.length;
}

export interface Purge {
  readonly batchJobId: string;
  /** Rows that the job has. */
  readonly total: number;
}

/** Purges that have begun and not been brought to their end, the oldest first. */
export async function listPurges(db: Database, limit = 1000): Promise<Purge[]> {
  return db.run(
    (sql) => sql<Purge[]>`
      select id as "batchJobId", total from batch_jobs
      where purged_at is not null
        and not exists (select from job_events where job_id = batch_jobs.id and kind = 'purged')
      order by purged_at limit ${limit}`,
  );
}

/**
 * Deletes what belongs to the records with an index from `from` to before `to`: payloads in all their versions,
 * results, attempts, state, and what targets have said. Status, own id and the reason of a failure stay.
 */
export async function purgeRecords(
  db: Database,
  batchJobId: string,
  from: number,
  to: number,
): Promise<void> {
  // Of the job as a whole there is state with the index -1.
  const first = from === 0 ? -1 : from;
  await db.run(
    (sql) => sql`
      with emptied as (
        update records set
          payload = null, result = null, progress = null, order_key = null, dead_letter = false,
          failure = failure - 'untrustedMessage'
        where job_id = ${batchJobId} and idx >= ${from} and idx < ${to}
      ), attempts as (
        delete from failed_attempts where job_id = ${batchJobId} and idx >= ${from} and idx < ${to}
      ), versions as (
        delete from payload_versions where job_id = ${batchJobId} and idx >= ${from} and idx < ${to}
      ), states as (
        delete from job_state where job_id = ${batchJobId} and idx >= ${first} and idx < ${to}
      )
      delete from record_ids where ctid = any(array(
        select ctid from record_ids where job_id = ${batchJobId} limit ${to - from}))`,
  );
}

/** Deletes up to `limit` callbacks of a job that are not owed any more. Returns how many. */
export async function purgeDeliveries(db: Database, batchJobId: string, limit = 2000): Promise<number> {
  const rows = await db.run(
    (sql) => sql`
      delete from deliveries where due_at is null and ctid = any(array(
        select ctid from deliveries where job_id = ${batchJobId} and due_at is null limit ${limit}))
      returning 1`,
  );
  return rows.length;
}

/** Notes that a purge has come to its end, unless callbacks are still owed. */
export async function endPurge(db: Database, batchJobId: string, message: string): Promise<void> {
  await db.run(
    (sql) => sql`
      insert into job_events (job_id, kind, message)
      select id, 'purged', ${message}::text from batch_jobs
      where id = ${batchJobId}
        and not exists (select from deliveries where job_id = batch_jobs.id)
        and not exists (select from job_events where job_id = batch_jobs.id and kind = 'purged')`,
  );
}

/** Deletes up to `limit` patches that were staged a day ago for a retry that never began. Returns how many. */
export async function dropStagedPatches(db: Database, limit = 2000): Promise<number> {
  const rows = await db.run(
    (sql) => sql`
      delete from staged_patches where ctid = any(array(
        select ctid from staged_patches where staged_at < now() - interval '1 day' limit ${limit}))
      returning 1`,
  );
  return rows.length;
}

/** Which of these jobs have been purged. */
export async function purgedAmong(db: Database, batchJobIds: readonly string[]): Promise<string[]> {
  const rows = await db.run(
    (sql) => sql<{ id: string }[]>`
      select id from batch_jobs
      where purged_at is not null
        and id::text in (select json_array_elements_text(${JSON.stringify(batchJobIds)}::text::json))`,
  );
  return rows.map(({ id }) => id);
}
