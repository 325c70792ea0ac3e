import type { JobEventKind } from '../domain/job-event.ts';
import type { Database, Fragment, Sql } from './database.ts';

/**
 * CTE that notes an event for each row of a CTE named `from`, whose `id` is a job's: in the statement that
 * makes it true, so that it is noted once or not at all. `message` may use the columns of `from`; `actor` is who
 * made it true, null: Sluice by itself.
 */
export function noting(
  sql: Sql,
  from: string,
  kind: JobEventKind,
  message: Fragment,
  actor: string | null = null,
): Fragment {
  return sql`
    noted as (
      insert into job_events (job_id, kind, message, actor)
      select id, ${kind}, ${message}, ${actor}::text from ${sql(from)}
    )`;
}

/**
 * Notes what happened to a job, and by whom, after the fact: an event may be missing when a process dies in between, but
 * nothing that counts depends on it.
 */
export async function noteEvent(
  db: Database,
  batchJobId: string,
  kind: JobEventKind,
  message: string,
): Promise<void> {
  // The number is drawn first, so that an insert that is sent twice finds the first one.
  const [drawn] = await db.run(
    (sql) => sql<{ id: string }[]>`select nextval(pg_get_serial_sequence('job_events', 'id'))::text as id`,
  );
  await db.run(
    (sql) => sql`
      insert into job_events (id, job_id, kind, message, actor) overriding system value
      values (${drawn?.id ?? null}::bigint, ${batchJobId}, ${kind}, ${message.slice(0, 1000)}, ${db.actor}::text)
      on conflict (id) do nothing`,
  );
}
