import { createEngine, databaseAddress } from './assemble.ts';
import type { Config } from './config.ts';
import { standBy } from './engine/standby.ts';
import { createLog } from './log.ts';
import { Database } from './store/database.ts';
import { stopEmbeddedPostgres } from './store/embedded/embedded-postgres.ts';
import { migrateDatabase } from './store/migrate.ts';
import { standbyName, takeStandbyLock } from './store/standby-lock.ts';

const graceMs = 5000;

/**
 * `sluice run`: finishes jobs that no other process runs. At most one per database; a second one
 * returns at once.
 */
export async function runStandby(config: Config): Promise<void> {
  const log = createLog(config.logLevel);
  const address = databaseAddress(config);
  await migrateDatabase(await address());
  const lock = await takeStandbyLock(await address());
  if (lock === undefined) return;

  const ending = new AbortController();
  const end = () => ending.abort();
  process.once('SIGTERM', end).once('SIGINT', end);
  void lock.lost.then(end);

  const db = new Database({ address, name: standbyName, connections: 3, patienceMs: 10_000 });
  const store = { callers: db, engine: db, close: () => db.close() };
  const engine = config.background ? createEngine(config, log, store) : undefined;
  const embedded = config.databaseUrl === undefined;
  await standBy({ db, engine, embedded, signal: ending.signal });
  await engine?.stop(graceMs);
  await store.close();
  if (embedded && !ending.signal.aborted) await stopEmbeddedPostgres(config.home);
  await lock.release();
}
