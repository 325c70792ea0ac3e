import { Database, type DatabaseAddress } from './database.ts';
import { migrateDatabase } from './migrate.ts';

/** The two ways into one database: the engine's connections are never starved by callers. */
export interface Store {
  /** For what a caller waits for: gives up after a few seconds. */
  readonly callers: Database;
  /** For lanes: goes on trying while the server is away. */
  readonly engine: Database;
  close(): Promise<void>;
}

export interface StoreOptions {
  /** Finds the database, and starts it where it is Sluice's own. */
  readonly address: () => Promise<DatabaseAddress>;
}

/** Finds the database, brings it to this version's schema and opens it. */
export async function openStore({ address }: StoreOptions): Promise<Store> {
  await migrateDatabase(await address());
  const callers = new Database({
    address,
    name: 'sluice callers',
    connections: 2,
    patienceMs: 4000,
    deadlineMs: 4000,
    answersCallers: true,
  });
  const engine = new Database({ address, name: 'sluice engine', connections: 3, patienceMs: 60_000 });
  return {
    callers,
    engine,
    async close() {
      await Promise.all([callers.close(), engine.close()]);
    },
  };
}
