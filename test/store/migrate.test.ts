import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { expect } from 'vitest';
import { migrateDatabase } from '../../src/store/migrate.ts';
import { openDatabase, test } from '../support/database.ts';

test('processes that start at once, and whose connections are cut, migrate a new database once', async ({
  db,
  address,
}) => {
  const name = `empty_${randomUUID().replaceAll('-', '')}`;
  await db.run((sql) => sql.unsafe(`create database ${name} template template0`));
  const empty = { ...address, database: name };

  const migrating = Promise.all(Array.from({ length: 4 }, () => migrateDatabase(empty)));
  let cut = 0;
  for (let round = 0; round < 20; round += 1) {
    const ended = await db.run(
      (sql) => sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = ${name} and application_name = 'sluice migrate'`,
    );
    cut += ended.length;
    await sleep(20);
  }
  await migrating;
  await migrateDatabase(empty);
  const migrated = openDatabase(empty);
  const books = await migrated.run(
    (sql) =>
      sql<{ at: number }[]>`select created_at::float8 as at from drizzle.__drizzle_migrations order by id`,
  );
  await migrated.close();
  await db.run((sql) => sql.unsafe(`drop database ${name} with (force)`));

  expect(cut).toBeGreaterThan(0);
  const files = readMigrationFiles({ migrationsFolder: 'drizzle' });
  expect(books.map(({ at }) => at)).toEqual(files.map(({ folderMillis }) => folderMillis));
});

test('a server that does not let Sluice in says why, and not that Sluice is broken', async ({
  db,
  address,
}) => {
  const visitor = `visitor_${randomUUID().replaceAll('-', '')}`;
  await db.run((sql) => sql.unsafe(`create database ${visitor} template template0`));
  await db.run((sql) => sql.unsafe(`create role ${visitor} login`));

  const said = await Promise.all(
    [
      { ...address, database: 'nowhere' },
      { ...address, database: visitor, user: visitor },
      { ...address, user: 'nobody' },
    ].map((refusing) => migrateDatabase(refusing).catch((error: unknown) => error)),
  );
  await db.run((sql) => sql.unsafe(`drop database ${visitor} with (force)`));
  await db.run((sql) => sql.unsafe(`drop role ${visitor}`));

  expect(said).toMatchObject([
    { code: 'database_unsupported', message: expect.stringContaining('has no database of that name') },
    { code: 'database_unsupported', message: expect.stringContaining('the user lacks a right') },
    { code: 'database_unsupported', message: expect.stringContaining('does not know the user') },
  ]);
});

test('a database that cannot be reached is said with the word of the system for it', async () => {
  const nobody = { url: 'postgres://sluice@127.0.0.1:1/sluice' };

  await expect(migrateDatabase(nobody)).rejects.toMatchObject({
    code: 'database_unavailable',
    message: expect.stringContaining('(ECONNREFUSED)'),
  });
});
