import { createServer } from 'node:net';
import { expect } from 'vitest';
import { Database } from '../../src/store/database.ts';
import { addressOf, unreachableUrl } from '../../src/store/database-url.ts';
import { migrateDatabase } from '../../src/store/migrate.ts';
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

/** What doctor says of a server that cannot be reached. */
const adviceOn = (url: string) =>
  migrateDatabase(addressOf(url)).then(
    () => undefined,
    (error: unknown) => unreachableUrl(url, error)?.message,
  );

test('a server out of reach is told by its place and by what can be done, without the user', async () => {
  const plain = createServer((socket) => {
    // Without TLS a server answers N, and can make nothing of what comes then.
    socket.on('error', () => {});
    socket.once('data', () => socket.write('N', () => socket.once('data', () => socket.destroy())));
  });
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  const { port } = plain.address() as { port: number };

  const said = await Promise.all([
    adviceOn('postgres://admin:secret@nowhere.invalid/app'),
    adviceOn('postgres://admin:secret@127.0.0.1:1/app'),
    adviceOn(`postgres://admin:secret@127.0.0.1:${port}/app?sslmode=require`),
  ]);
  plain.close();

  expect(said).toEqual([
    expect.stringMatching(/^The database .* there is no host of the name nowhere\.invalid\./),
    expect.stringMatching(/\(ECONNREFUSED\): nothing listens at 127\.0\.0\.1:1\./),
    expect.stringMatching(/\(ECONNRESET\): .* it may not speak TLS\./),
  ]);
  expect(said.join()).not.toMatch(/admin|secret|sluice doctor/);
});
