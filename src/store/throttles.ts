import type { Database } from './database.ts';
import type { Lease } from './leases.ts';

/** Notes what connectors hold a job back to, as JSON; null: nothing. Does nothing without the lease. */
export async function saveThrottles(db: Database, lease: Lease, throttles: string | null): Promise<void> {
  await db.run(
    (sql) => sql`
      update batch_jobs set throttle = ${throttles}::text::jsonb
      where id = ${lease.batchJobId} and finished_at is null
        and exists (select from leases where job_id = batch_jobs.id and lane = ${lease.lane} and token = ${lease.token})`,
  );
}
