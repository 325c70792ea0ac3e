import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { SluiceError } from '../domain/sluice-error.ts';
import { type Database, type DatabaseAddress, unavailable } from './database.ts';
import { isUnreachable, toFault } from './database-fault.ts';

const folder = join(dirname(createRequire(import.meta.url).resolve('sluice-mcp/package.json')), 'drizzle');
/** Any number will do as long as every Sluice uses the same one. */
const migrationLock = 7_548_235_001n;
const oldestServer = 140_000;

/**
 * Brings the database to this version's schema.
 *
 * Safe from several processes at once: one migrates, the others wait. Runs before the engine, on a
 * connection of its own, since it is the one place that needs an interactive transaction.
 *
 * @throws SluiceError `database_unsupported` for a server that is too old.
 */
export async function migrateDatabase(address: DatabaseAddress): Promise<void> {
  const settings = {
    max: 1,
    connect_timeout: 4,
    onnotice: () => {},
    connection: { application_name: 'sluice migrate' },
  };
  const sql = 'url' in address ? postgres(address.url, settings) : postgres({ ...address, ...settings });
  try {
    await refuseOldServer(sql);
    await sql`select pg_advisory_lock(${migrationLock.toString()}::bigint)`;
    await migrate(drizzle(sql), { migrationsFolder: folder });
  } catch (error) {
    throw isUnreachable(error) ? unavailable(error) : toFault(error);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

async function refuseOldServer(sql: postgres.Sql): Promise<void> {
  const [row] = await sql<{ version: string }[]>`select current_setting('server_version_num') as version`;
  const version = Number(row?.version);
  if (version >= oldestServer) return;
  throw new SluiceError(
    'database_unsupported',
    `Sluice needs Postgres 14 or newer; DATABASE_URL points to version ${Math.floor(version / 10_000)}.`,
  );
}

/** The server's version in its own words, such as `18.4`. */
export async function serverVersion(db: Database): Promise<string> {
  const [row] = await db.run((sql) => sql<{ server_version: string }[]>`show server_version`);
  return row?.server_version ?? 'unknown';
}
