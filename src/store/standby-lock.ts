import postgres from 'postgres';
import type { Database, DatabaseAddress } from './database.ts';

/** Any number will do as long as every Sluice uses the same one. */
const standbyLock = 7_548_235_002n;
/** Where a standby is told to end. */
const orders = 'sluice_standby_end';
/** Connections of this name are the standby's own. */
export const standbyName = 'sluice standby';

export interface StandbyLock {
  /** Resolves when the connection that holds the lock is gone. */
  readonly lost: Promise<void>;
  /** Resolves when somebody wants it to end. */
  readonly told: Promise<void>;
  release(): Promise<void>;
}

/** Makes this process the one standby of its database; undefined: there is one. */
export async function takeStandbyLock(address: DatabaseAddress): Promise<StandbyLock | undefined> {
  let onLost = () => {};
  const lost = new Promise<void>((resolve) => {
    onLost = resolve;
  });
  const settings = {
    max: 1,
    connect_timeout: 10,
    // The lock lives as long as its connection, so that must not be closed for its age.
    idle_timeout: 0,
    max_lifetime: null,
    onnotice: () => {},
    onclose: () => onLost(),
    connection: { application_name: standbyName },
  };
  const sql = 'url' in address ? postgres(address.url, settings) : postgres({ ...address, ...settings });
  let onTold = () => {};
  const told = new Promise<void>((resolve) => {
    onTold = resolve;
  });
  // An order is for whoever holds the lock, so it has to be heard from then on.
  await sql.listen(orders, () => onTold());
  const [row] = await sql<{ taken: boolean }[]>`
    select pg_try_advisory_lock(${standbyLock.toString()}::bigint) as taken`;
  const release = () => sql.end({ timeout: 1 });
  if (!row?.taken) {
    await release();
    return undefined;
  }
  return { lost, told, release };
}

/** Whether some process stands by. */
export async function hasStandby(db: Database): Promise<boolean> {
  const high = standbyLock >> 32n;
  const low = standbyLock & 0xffff_ffffn;
  const rows = await db.run(
    (sql) => sql`
      select 1 from pg_locks
      where locktype = 'advisory' and granted and objsubid = 1
        and classid = ${high.toString()}::bigint::oid and objid = ${low.toString()}::bigint::oid
        and database = (select oid from pg_database where datname = current_database())`,
  );
  return rows.length > 0;
}

/** Connections to this database that are not the standby's. */
export async function countClients(db: Database): Promise<number> {
  const [row] = await db.run(
    (sql) => sql<{ count: number }[]>`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend'
        and pid <> pg_backend_pid() and application_name <> ${standbyName}`,
  );
  return row?.count ?? 0;
}

/** Tells the standby to hand its work back and to end; false: there is none. */
export async function endStandby(db: Database): Promise<boolean> {
  if (!(await hasStandby(db))) return false;
  await db.run((sql) => sql`select pg_notify(${orders}, '')`);
  return true;
}

/** Whether a standby is connected, be it on its way out. */
export async function isStandbyConnected(db: Database): Promise<boolean> {
  const rows = await db.run(
    (sql) => sql`
      select from pg_stat_activity
      where application_name = ${standbyName} and datname = current_database()`,
  );
  return rows.length > 0;
}
