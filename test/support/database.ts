import { randomUUID } from 'node:crypto';
import postgres from 'postgres';
import { test as base, inject } from 'vitest';
import { Database, type DatabaseAddress } from '../../src/store/database.ts';
import type { PostgresAddress } from '../../src/store/embedded/embedded-postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgres: PostgresAddress;
    templateDatabase: string;
  }
}

/** A migrated database of one test file, dropped when the file ends. */
export const test = base.extend<{ address: DatabaseAddress; db: Database }>({
  address: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
    async ({}, use) => {
      const name = `test_${randomUUID().replaceAll('-', '')}`;
      const address = { ...inject('postgres'), database: name };
      await asAdmin(`create database ${name} template ${inject('templateDatabase')} strategy file_copy`);
      await use(address);
      await asAdmin(`drop database ${name} with (force)`);
    },
    { scope: 'file' },
  ],
  db: [
    async ({ address }, use) => {
      const db = openDatabase(address);
      await use(db);
      await db.close();
    },
    { scope: 'file' },
  ],
});

export const openDatabase = (address: DatabaseAddress) =>
  new Database({ address: async () => address, name: 'sluice test', connections: 4, patienceMs: 5000 });

/** The address as DATABASE_URL takes it. */
export function urlOf(address: DatabaseAddress): string {
  if ('url' in address) return address.url;
  const { host, port, user, password, database } = address;
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
  const place = host.startsWith('/') ? `localhost:${port}` : `${host}:${port}`;
  const query = host.startsWith('/') ? `?host=${encodeURIComponent(host)}` : '';
  return `postgres://${user}${secret}@${place}/${database}${query}`;
}

async function asAdmin(statement: string): Promise<void> {
  const sql = postgres({ ...inject('postgres'), max: 1, onnotice: () => {} });
  await sql.unsafe(statement);
  await sql.end();
}
