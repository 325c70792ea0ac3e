import type { JobEventKind } from '../domain/job-event.ts';
import type { Database } from './database.ts';

/**
 * Notes what happened to a job, after the fact: an event may be missing when a process dies in between, but
 * nothing that counts depends on it.
 */
export async function noteEvent(
  db: Database,
  batchJobId: string,
  kind: JobEventKind,
  message: string,
): Promise<void> {
  await db.run(
    (sql) => sql`
      insert into job_events (job_id, kind, message) values (${batchJobId}, ${kind}, ${message.slice(0, 1000)})`,
  );
}
