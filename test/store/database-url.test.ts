import { expect } from 'vitest';
import { Database } from '../../src/store/database.ts';
import { addressOf } from '../../src/store/database-url.ts';
import { test, urlOf } from '../support/database.ts';

test('a socket folder in the URL is used', async ({ address }) => {
  const db = new Database({
    address: async () => addressOf(urlOf(address)),
    name: 'url',
    connections: 1,
    patienceMs: 1000,
  });

  const [row] = await db.run((sql) => sql`select current_database() as name`);

  expect(row?.name).toBe('database' in address ? address.database : '');
  await db.close();
});

test('what other drivers understand is not sent to the server', () => {
  const url = 'postgres://u:p@db.example.com/app?sslmode=require&channel_binding=require&pgbouncer=true';

  expect(addressOf(url)).toEqual({ url: 'postgres://u:p@db.example.com/app?sslmode=require' });
});
