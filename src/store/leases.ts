import type { Database } from './database.ts';

/** A process' hold on a lane. */
export interface Lease {
  readonly batchJobId: string;
  readonly lane: number;
  readonly token: number;
}

/**
 * Takes the lane of an unfinished job for `leaseMs`, if nobody holds it. Returns undefined when
 * somebody else does, or the job has finished.
 *
 * The token is new each time, so that writes of an earlier holder match nothing any more.
 */
export async function acquireLease(
  db: Database,
  batchJobId: string,
  holder: string,
  leaseMs: number,
  lane = 0,
): Promise<Lease | undefined> {
  const [row] = await db.run(
    (sql) => sql<{ token: string }[]>`
      insert into leases as held (job_id, lane, token, holder, until)
      select id, ${lane}, nextval('lease_tokens'), ${holder}, now() + ${leaseMs} * interval '1 millisecond'
      from batch_jobs where id = ${batchJobId} and finished_at is null
      on conflict (job_id, lane) do update
        set token = excluded.token, holder = excluded.holder, until = excluded.until, claims = 0
        where held.until < now() or held.holder = excluded.holder
      returning token`,
  );
  return row && { batchJobId, lane, token: Number(row.token) };
}

/** Holds a lease for another `leaseMs` from now. False: it has been taken over. */
export async function renewLease(db: Database, lease: Lease, leaseMs: number): Promise<boolean> {
  const rows = await db.run(
    (sql) => sql`
      update leases set until = now() + ${leaseMs} * interval '1 millisecond'
      where job_id = ${lease.batchJobId} and lane = ${lease.lane} and token = ${lease.token}
      returning 1`,
  );
  return rows.length === 1;
}

/** Gives a lane back, so that any process may take it at once. */
export async function releaseLease(db: Database, lease: Lease): Promise<void> {
  await db.run(
    (sql) => sql`
      delete from leases
      where job_id = ${lease.batchJobId} and lane = ${lease.lane} and token = ${lease.token}`,
  );
}

/** Gives back whatever lane of a job a holder has, under any token. */
export async function releaseHolder(db: Database, batchJobId: string, holder: string): Promise<void> {
  await db.run((sql) => sql`delete from leases where job_id = ${batchJobId} and holder = ${holder}`);
}
