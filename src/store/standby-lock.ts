import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import type { Database, DatabaseAddress, Fragment, Sql } from './database.ts';

/** Any number will do as long as every Sluice uses the same one. */
const standbyLock = 7_548_235_002n;
/** Where a standby is told to end; the message says which kind is meant, an empty one any. */
const orders = 'sluice_standby_end';

/** What a standby does besides stopping the embedded server when nobody is left: `works` finishes jobs, too. */
export type StandbyKind = 'works' | 'watches';
/** Connections of these names are a standby's own. */
export const standbyNames = { works: 'sluice standby', watches: 'sluice watch' } as const satisfies Record<
  StandbyKind,
  string
>;
/** One that only watches gives way to one that works: so often, and so long, it is asked to, in milliseconds. */
const giveWayLookMs = 100;
const giveWayMs = 5000;

export interface StandbyLock {
  /** Resolves when the connection that holds the lock is gone. */
  readonly lost: Promise<void>;
  /** Resolves when somebody wants it to end. */
  readonly told: Promise<void>;
  release(): Promise<void>;
}

/**
 * Makes this process the one standby of its database; undefined: there is one. One that only watches is no reason not
 * to work.
 */
export async function takeStandbyLock(
  address: DatabaseAddress,
  kind: StandbyKind,
): Promise<StandbyLock | undefined> {
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
    connection: { application_name: standbyNames[kind] },
  };
  const sql = 'url' in address ? postgres(address.url, settings) : postgres({ ...address, ...settings });
  let onTold = () => {};
  const told = new Promise<void>((resolve) => {
    onTold = resolve;
  });
  // An order is for whoever holds the lock, so it has to be heard from then on.
  await sql.listen(orders, (meant) => {
    if (meant === '' || meant === kind) onTold();
  });
  const tryLock = async () => {
    const [row] = await sql<{ taken: boolean }[]>`
      select pg_try_advisory_lock(${standbyLock.toString()}::bigint) as taken`;
    return row?.taken === true;
  };
  const release = () => sql.end({ timeout: 1 });
  if ((await tryLock()) || (kind === 'works' && (await afterWatcher(sql, tryLock)))) {
    return { lost, told, release };
  }
  await release();
  return undefined;
}

/** Tells one that only watches to end, and takes its place; false: there is one that works. */
async function afterWatcher(sql: Sql, tryLock: () => Promise<boolean>): Promise<boolean> {
  const giveUpAt = performance.now() + giveWayMs;
  while (performance.now() < giveUpAt) {
    const [holder] = await sql<{ kind: StandbyKind }[]>`${standbys(sql)}`;
    if (holder?.kind === 'works') return false;
    await sql`select pg_notify(${orders}, 'watches')`;
    if (await tryLock()) return true;
    await sleep(giveWayLookMs);
  }
  return false;
}

/** Which kind of process stands by; undefined: none does. */
export async function findStandby(db: Database): Promise<StandbyKind | undefined> {
  const [holder] = await db.run((sql) => sql<{ kind: StandbyKind }[]>`${standbys(sql)}`);
  return holder?.kind;
}

const standbys = (sql: Sql): Fragment => sql`
  select case when application_name = ${standbyNames.watches} then 'watches' else 'works' end as kind
  from pg_locks join pg_stat_activity using (pid)
  where locktype = 'advisory' and granted and objsubid = 1
    and classid = ${(standbyLock >> 32n).toString()}::bigint::oid and objid = ${(standbyLock & 0xffff_ffffn).toString()}::bigint::oid
    and pg_locks.database = (select oid from pg_database where datname = current_database())`;

/** Connections to this database that are not the standby's. */
export async function countClients(db: Database): Promise<number> {
  const [row] = await db.run(
    (sql) => sql<{ count: number }[]>`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend'
        and pid <> pg_backend_pid() and not ${isStandbys(sql)}`,
  );
  return row?.count ?? 0;
}

/** Tells the standby to hand its work back and to end; false: there is none. */
export async function endStandby(db: Database): Promise<boolean> {
  if ((await findStandby(db)) === undefined) return false;
  await db.run((sql) => sql`select pg_notify(${orders}, '')`);
  return true;
}

/** Whether a standby is connected, be it on its way out. */
export async function isStandbyConnected(db: Database): Promise<boolean> {
  const rows = await db.run(
    (sql) => sql`
      select from pg_stat_activity
      where ${isStandbys(sql)} and datname = current_database()`,
  );
  return rows.length > 0;
}

const isStandbys = (sql: Sql): Fragment => sql`application_name in ${sql(Object.values(standbyNames))}`;
