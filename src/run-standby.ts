import { createEngine, databaseAddress } from './assemble.ts';
import type { Config } from './config.ts';
import { standBy } from './engine/standby.ts';
import { createLog } from './log.ts';
import { Database } from './store/database.ts';
import { stopEmbeddedPostgres } from './store/embedded/embedded-postgres.ts';
import { readWorkload } from './store/jobs.ts';
import { migrateDatabase } from './store/migrate.ts';
import { countClients, standbyName, takeStandbyLock } from './store/standby-lock.ts';

const graceMs = 5000;

/**
 * `sluice run`: finishes jobs that no other process runs, and stops the embedded server when nobody
 * is left. At most one per database; a second one returns at once. `works`: false: it does the second only.
 */
export async function runStandby(config: Config, works: boolean): Promise<void> {
  const address = databaseAddress(config);
  await migrateDatabase(await address());
  const ending = new AbortController();
  const end = () => ending.abort();
  process.once('SIGTERM', end).once('SIGINT', end);

  const db = new Database({ address, name: standbyName, connections: 3, patienceMs: 10_000 });
  const standby = { config, works, db };
  let idle = await standByOnce(standby, ending.signal);
  // A job accepted in the last idle moment saw the lock still held, so its end is not the end yet.
  while (idle && (await isNeededAgain(standby))) idle = await standByOnce(standby, ending.signal);
  await db.close();
  if (idle && config.databaseUrl === undefined) await stopEmbeddedPostgres(config.home);
}

interface Standby {
  readonly config: Config;
  readonly works: boolean;
  readonly db: Database;
}

/** One turn under the lock. True: it ended because nothing was left to do. */
async function standByOnce({ config, works, db }: Standby, ending: AbortSignal): Promise<boolean> {
  const lock = await takeStandbyLock(await databaseAddress(config)());
  if (lock === undefined) return false;
  const lost = new AbortController();
  void lock.lost.then(() => lost.abort());
  const signal = AbortSignal.any([ending, lost.signal]);
  const log = createLog(config.logLevel);
  const store = { callers: db, engine: db, close: () => db.close() };
  const engine = works ? createEngine(config, log, store) : undefined;
  await standBy({ db, engine, embedded: config.databaseUrl === undefined, signal });
  const idle = !signal.aborted;
  await engine?.stop(graceMs);
  await lock.release();
  return idle;
}

async function isNeededAgain({ config, works, db }: Standby): Promise<boolean> {
  const { active, owesCallbacks } = await readWorkload(db);
  if (works && (active > 0 || owesCallbacks)) return true;
  return config.databaseUrl === undefined && (await countClients(db)) > 0;
}
