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
