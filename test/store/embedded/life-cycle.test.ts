import { appendFileSync, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import {
  describeEmbedded,
  ensureEmbeddedPostgres,
  stopEmbeddedPostgres,
} from '../../../src/store/embedded/embedded-postgres.ts';
import { standBy } from './processes.ts';
import { query, removePattern, temporaryHome, usedHome } from './temporary-home.ts';

afterAll(removePattern);

test('the first start makes the home, a database and a server that answers', async () => {
  const home = temporaryHome();

  const address = await ensureEmbeddedPostgres({ home });

  expect(await query(address, 'select current_user as who, current_database() as place')).toEqual([
    { who: 'sluice', place: 'sluice' },
  ]);
  expect(statSync(home).mode & 0o067).toBe(0);
});

test('the server is durable, private and in UTF-8', async () => {
  const address = await ensureEmbeddedPostgres({ home: temporaryHome() });

  const settings = await query(
    address,
    `select string_agg(name || '=' || setting, ' ' order by name) as all from pg_settings
     where name in ('fsync', 'synchronous_commit', 'wal_sync_method', 'data_checksums', 'listen_addresses', 'server_encoding')`,
  );

  expect(settings).toEqual([
    {
      all: 'data_checksums=on fsync=on listen_addresses= server_encoding=UTF8 synchronous_commit=on wal_sync_method=open_datasync',
    },
  ]);
  expect(statSync(address.host).mode & 0o777).toBe(0o700);
});

test('a second call finds the same server', async () => {
  const home = await usedHome();
  const first = await ensureEmbeddedPostgres({ home });
  const { pid } = await describeEmbedded(home);

  const second = await ensureEmbeddedPostgres({ home });

  expect(second).toEqual(first);
  expect(await describeEmbedded(home)).toMatchObject({ state: 'running', pid });
});

test('a stopped server starts again with its data, and stopping it twice says so', async () => {
  const home = await usedHome();
  await query(await ensureEmbeddedPostgres({ home }), 'create table kept as select 42 as answer');

  const stops = [await stopEmbeddedPostgres(home), await stopEmbeddedPostgres(home)];
  const again = await ensureEmbeddedPostgres({ home });

  expect(stops).toEqual([true, false]);
  expect(await query(again, 'select answer from kept')).toEqual([{ answer: 42 }]);
});

test('a client that comes while the server stops gets one that runs', async () => {
  const home = await usedHome();
  const before = await ensureEmbeddedPostgres({ home });
  const { pid } = await describeEmbedded(home);
  const busy = postgres({ ...before, max: 1, onnotice: () => {} });
  await busy`select 1`;
  process.kill(pid!, 'SIGINT');

  const after = await ensureEmbeddedPostgres({ home });

  expect(await query(after, 'select 1 as one')).toEqual([{ one: 1 }]);
  await busy.end({ timeout: 0 });
});

test('asking about a home makes nothing', async () => {
  const home = temporaryHome();

  const state = await describeEmbedded(home);

  expect(state).toMatchObject({ state: 'absent', pid: undefined, dataVersion: undefined });
  expect(await stopEmbeddedPostgres(home)).toBe(false);
  expect(existsSync(home)).toBe(false);
});

test('a description names version, files and owner', async () => {
  const home = await usedHome();
  const { host, port } = await ensureEmbeddedPostgres({ home });

  const state = await describeEmbedded(home);

  expect(state).toMatchObject({ state: 'running', dataVersion: '18', host, port });
  expect(state.version).toMatch(/^18\./);
  expect(state.ownerUid).toBe(statSync(state.dataDirectory).uid);
  expect(existsSync(state.logFile)).toBe(true);
});

test('the server outlives a kill -9 of the process that started it, and the next one finds it', async () => {
  const home = await usedHome();
  const starter = await standBy('ensure', [home]);
  const address = await starter.go();
  const { pid } = await describeEmbedded(home);

  await starter.kill();
  const found = await ensureEmbeddedPostgres({ home });

  expect(found).toEqual(address);
  expect(await describeEmbedded(home)).toMatchObject({ state: 'running', pid });
});

test('processes that start at the same instant share one server', async () => {
  const home = temporaryHome();
  const starters = await Promise.all([1, 2, 3].map(() => standBy('ensure', [home])));

  const addresses = await Promise.all(starters.map((starter) => starter.go()));

  expect(addresses).toEqual(addresses.map(() => addresses[0]));
  expect(await query(addresses[0]!, 'select 1 as one')).toEqual([{ one: 1 }]);
  expect(existsSync(join(home, 'postgres', 'data', 'postmaster.pid'))).toBe(true);
});

test('over loopback the server asks for a random password, kept in a file of mode 0600', async () => {
  const home = temporaryHome();

  const address = await ensureEmbeddedPostgres({ home, transport: 'loopback' });

  const { dataDirectory } = await describeEmbedded(home);
  expect(address).toMatchObject({ host: '127.0.0.1', password: expect.stringMatching(/^[\w-]{43}$/) });
  expect(await query(address, 'select 1 as one')).toEqual([{ one: 1 }]);
  await expect(query({ ...address, password: 'guess' }, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  expect(statSync(join(dataDirectory, 'sluice.password')).mode & 0o777).toBe(0o600);
});

test('a log that has grown long is emptied, and the server goes on writing to it', async () => {
  const home = await usedHome();
  await ensureEmbeddedPostgres({ home });
  const { logFile } = await describeEmbedded(home);
  appendFileSync(logFile, 'x'.repeat(2 * 1024 * 1024));

  await ensureEmbeddedPostgres({ home });
  await stopEmbeddedPostgres(home);

  const log = readFileSync(logFile, 'utf8');
  expect(log).toContain('database system is shut down');
  expect(log.length).toBeLessThan(10_000);
});
