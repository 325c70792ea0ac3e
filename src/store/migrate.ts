import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator';
import { SluiceError } from '../domain/sluice-error.ts';
import { Database, type DatabaseAddress } from './database.ts';
import { DatabaseFault } from './database-fault.ts';

const migrationsFolder = join(
  dirname(createRequire(import.meta.url).resolve('sluice-mcp/package.json')),
  'drizzle',
);
/** Any number will do as long as every Sluice uses the same one. */
const migrationLock = 7_548_235_001n;
/** SQLSTATE of our own: the schema is not the one that the statements were made for. */
const migratedMeanwhile = 'SLM01';
const oldestServer = 140_000;

/**
 * Brings the database to this version's schema, and keeps the books of it as Drizzle does.
 *
 * Safe from several processes at once, and when its connection is cut: all that is due goes as one text, which the
 * server runs as a whole or not at all, under a lock, and only if nobody was faster.
 *
 * @throws SluiceError `database_unsupported` for a server that is too old or does not let Sluice in,
 * `storage_full` for one without room, `database_unavailable` for one out of reach.
 */
export async function migrateDatabase(address: DatabaseAddress): Promise<void> {
  const db = new Database({
    address: async () => address,
    name: 'sluice migrate',
    connections: 1,
    patienceMs: 3000,
    // Of several that start at once all but one wait.
    deadlineMs: 55_000,
    answersCallers: true,
  });
  try {
    await refuseOldServer(db);
    const all = readMigrationFiles({ migrationsFolder });
    while (!(await isMigrated(db, all)));
  } finally {
    await db.close();
  }
}

/** Makes the migrations that are due. False: somebody else did so meanwhile. */
async function isMigrated(db: Database, all: readonly MigrationMeta[]): Promise<boolean> {
  const last = await lastMigration(db);
  const due = all.filter(({ folderMillis }) => folderMillis > last);
  if (due.length === 0) return true;
  try {
    await db.run((sql) => sql.unsafe(migrationText(last, due)));
    return true;
  } catch (error) {
    if (error instanceof DatabaseFault && error.code === migratedMeanwhile) return false;
    throw error;
  }
}

/** When the newest migration that has been made was written, in milliseconds since 1970; 0: none has. */
async function lastMigration(db: Database): Promise<number> {
  const [books] = await db.run(
    (sql) =>
      sql<{ exist: boolean }[]>`select to_regclass('drizzle.__drizzle_migrations') is not null as exist`,
  );
  if (books?.exist !== true) return 0;
  const [row] = await db.run(
    (sql) => sql<{ last: number | null }[]>`
      select max(created_at)::float8 as last from drizzle.__drizzle_migrations`,
  );
  return row?.last ?? 0;
}

/** Several statements in one message are one transaction. */
function migrationText(last: number, due: readonly MigrationMeta[]): string {
  const books = 'drizzle.__drizzle_migrations';
  const statements = due.flatMap(({ sql, hash, folderMillis }) => [
    ...sql,
    `insert into ${books} (hash, created_at) values ('${hash}', ${folderMillis})`,
  ]);
  return [
    `select pg_advisory_xact_lock(${migrationLock})`,
    'create schema if not exists drizzle',
    `create table if not exists ${books} (id serial primary key, hash text not null, created_at bigint)`,
    `do $$ begin
      if (select coalesce(max(created_at), 0) from ${books}) <> ${last} then
        raise exception 'migrated meanwhile' using errcode = '${migratedMeanwhile}';
      end if;
    end $$`,
    ...statements,
  ].join(';\n');
}

async function refuseOldServer(db: Database): Promise<void> {
  const [row] = await db.run(
    (sql) => sql<{ version: string }[]>`select current_setting('server_version_num') as version`,
  );
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
