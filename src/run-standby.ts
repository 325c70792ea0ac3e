import { setTimeout as sleep } from 'node:timers/promises';
import { createEngine, databaseAddress } from './assemble.ts';
import type { Config } from './config.ts';
import { standBy } from './engine/standby.ts';
import { createLog } from './log.ts';
import { Database } from './store/database.ts';
import { describeEmbedded, stopEmbeddedPostgres } from './store/embedded/embedded-postgres.ts';
import { readWorkload } from './store/jobs.ts';
import { migrateDatabase } from './store/migrate.ts';
import { countClients, type StandbyKind, standbyNames, takeStandbyLock } from './store/standby-lock.ts';

const graceMs = 5000;
/** A database that was lost is looked for this long, and this often, in milliseconds: servers are updated and moved. */
const comeBackMs = 30 * 60_000;
const comeBackLookMs = 500;
/** It may hold the connection that was lost for alive, and its lock for held, this long, in milliseconds. */
const heldMs = 60_000;

export interface StandbyWishes {
  readonly kind: StandbyKind;
  /** False: it is for the database that runs already, and returns when that was stopped meanwhile. */
  readonly startsDatabase: boolean;
}

/**
 * `sluice run`: finishes jobs that no other process runs, and stops the embedded server when nobody
 * is left. At most one per database; a second one returns at once. Returns how it came to its end.
 */
export async function runStandby(config: Config, { kind, startsDatabase }: StandbyWishes): Promise<End> {
  if (!startsDatabase && (await wasStopped(config))) return 'told';
  const address = databaseAddress(config);
  await migrateDatabase(await address());
  const ending = new AbortController();
  const leave = () => ending.abort();
  process.once('SIGTERM', leave).once('SIGINT', leave);

  const db = new Database({ address, name: standbyNames[kind], connections: 3, patienceMs: 10_000 });
  const standby = { config, kind, db };
  const end = await standByOn(standby, ending.signal);
  await db.close();
  if (end === 'idle' && config.databaseUrl === undefined) await stopEmbeddedPostgres(config.home);
  return end;
}

interface Standby {
  readonly config: Config;
  readonly kind: StandbyKind;
  readonly db: Database;
}

/**
 * How a turn under the lock came to its end: nothing was left to do, the process has to end, the lock was lost with its
 * connection, or another process has it.
 */
export type End = 'idle' | 'told' | 'lost' | 'taken';

/** Turn after turn: the lock may be lost while there is work, and work may come while it is given back. */
async function standByOn(standby: Standby, ending: AbortSignal): Promise<End> {
  for (let end = await standByOnce(standby, ending); ; ) {
    // A job accepted in the last idle moment saw the lock still held, so its end is not the end yet.
    if (end === 'idle' && (await isNeededAgain(standby))) end = await standByOnce(standby, ending);
    else if (end === 'lost') end = await standByAgain(standby, ending);
    else return end;
  }
}

/** One turn under the lock. */
async function standByOnce({ config, kind, db }: Standby, ending: AbortSignal): Promise<End> {
  const lock = await takeStandbyLock(await databaseAddress(config)(), kind);
  if (lock === undefined) return 'taken';
  const over = new AbortController();
  void lock.lost.then(() => over.abort('lost'));
  void lock.told.then(() => over.abort('told'));
  const signal = AbortSignal.any([ending, over.signal]);
  const log = createLog(config.logLevel);
  const store = { callers: db, engine: db, close: () => db.close() };
  const engine = kind === 'works' ? createEngine(config, log, store) : undefined;
  await standBy({ db, engine, embedded: config.databaseUrl === undefined, signal });
  const end = !signal.aborted ? 'idle' : signal.reason === 'lost' ? 'lost' : 'told';
  await engine?.stop(graceMs);
  await lock.release();
  return end;
}

/** A turn as soon as the database is back, unless that takes too long; Sluice's own one is not started for it. */
async function standByAgain(standby: Standby, ending: AbortSignal): Promise<End> {
  const lostAt = performance.now();
  let awayAt = lostAt;
  while (!ending.aborted && awayAt - lostAt < comeBackMs && performance.now() - awayAt < heldMs) {
    if (await wasStopped(standby.config)) return 'told';
    const end = await standByOnce(standby, ending).catch(() => 'away' as const);
    if (end === 'away') awayAt = performance.now();
    else if (end !== 'taken') return end;
    await sleep(comeBackLookMs, undefined, { signal: ending }).catch(() => {});
  }
  return 'told';
}

/**
 * Whether the embedded server is gone, or going; another database is not Sluice's to start. One that does not answer at
 * once may only be busy, and needs somebody to watch it.
 */
async function wasStopped({ databaseUrl, home }: Config): Promise<boolean> {
  if (databaseUrl !== undefined) return false;
  const { state } = await describeEmbedded(home);
  return state === 'absent' || state === 'stopped' || state === 'stopping';
}

async function isNeededAgain({ config, kind, db }: Standby): Promise<boolean> {
  const { active, owesCallbacks } = await readWorkload(db);
  if (kind === 'works' && (active > 0 || owesCallbacks)) return true;
  return config.databaseUrl === undefined && (await countClients(db)) > 0;
}
