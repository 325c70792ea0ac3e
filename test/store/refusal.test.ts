import { randomUUID } from 'node:crypto';
import { afterAll, expect } from 'vitest';
import { assemble } from '../../src/assemble.ts';
import { readConfig } from '../../src/config.ts';
import { openStore, type Store } from '../../src/store/open-store.ts';
import { openCommandLine } from '../support/command-line.ts';
import { test, urlOf } from '../support/database.ts';
import { quietLog } from '../support/engine.ts';

const reader = `reader_${randomUUID().replaceAll('-', '')}`;
const line = openCommandLine();
afterAll(() => line.close());

const faultOf = (db: Store['callers'], sqlstate: string) =>
  db
    .run((sql) => sql.unsafe(`do $$ begin raise exception 'no' using errcode = '${sqlstate}'; end $$`))
    .catch((error: unknown) => error);

test('a database that can be read and not written says so to callers', async ({ db, address }) => {
  await db.run((sql) => sql.unsafe(`create role ${reader} login`));
  await db.run((sql) => sql.unsafe(`grant usage on schema public, drizzle to ${reader}`));
  await db.run((sql) => sql.unsafe(`grant select on all tables in schema public, drizzle to ${reader}`));
  line.write('flows/plain.yaml', 'flow: plain\nsteps:\n  - type: echo\n');
  const asReader = openCommandLine({
    home: line.home,
    env: { DATABASE_URL: urlOf({ ...address, user: reader } as typeof address) },
  });

  const start = () => asReader.run(['start', 'plain', '--records', '[{"id":1}]']);
  const withoutRights = await start();
  await db.run((sql) => sql.unsafe(`alter role ${reader} set default_transaction_read_only = on`));
  const readOnly = await start();
  await db.run((sql) => sql.unsafe(`drop owned by ${reader}; drop role ${reader}`));

  expect([withoutRights, readOnly]).toMatchObject([
    { code: 2, stderr: expect.stringContaining('refuses Sluice: the user lacks a right') },
    { code: 2, stderr: expect.stringContaining('refuses Sluice: it is read-only') },
  ]);
});

test('a full disk is said to callers, and stays a fault for the engine, which tries again', async ({
  address,
}) => {
  const store = await openStore({ address: async () => address });

  const said = [await faultOf(store.callers, '53100'), await faultOf(store.engine, '53100')];
  await store.close();

  expect(said).toMatchObject([
    { name: 'SluiceError', code: 'storage_full', message: expect.stringContaining('Make room') },
    { name: 'DatabaseFault', code: '53100' },
  ]);
});

test('the log says why jobs that were left behind could not be looked for', async ({ address }) => {
  const config = readConfig({
    SLUICE_HOME: line.home,
    DATABASE_URL: urlOf({ ...address, database: 'nowhere' } as typeof address),
  });
  const warned: object[] = [];
  const sluice = assemble(config, { ...quietLog, warn: (fields) => warned.push(fields) });

  sluice.resume();
  await expect
    .poll(() => warned)
    .toEqual([{ error: expect.stringContaining('has no database of that name') }]);
  await sluice.close(0);
});

test('a broken rule stays a fault for callers: what asked goes by it', async ({ address }) => {
  const store = await openStore({ address: async () => address });

  const said = await faultOf(store.callers, '23505');
  await store.close();

  expect(said).toMatchObject({ name: 'DatabaseFault', code: '23505' });
});
