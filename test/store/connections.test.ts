import postgres from 'postgres';
import { expect, vi } from 'vitest';
import { Database, type DatabaseAddress } from '../../src/store/database.ts';
import { test } from '../support/database.ts';

/** The server processes that answer statements sent at once. */
const answeredBy = (db: Database, count: number): Promise<number[]> =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const [row] = await db.run((sql) => sql<{ pid: number }[]>`select pg_backend_pid() as pid`);
      return row?.pid ?? 0;
    }),
  );

const sleepers = async (db: Database): Promise<number> => {
  const [row] = await db.run(
    (sql) => sql<{ count: number }[]>`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and state = 'active' and wait_event = 'PgSleep'`,
  );
  return row?.count ?? 0;
};

const open = (address: DatabaseAddress, patienceMs = 1000) =>
  new Database({
    address: async () => address,
    name: 'connections',
    connections: 3,
    patienceMs,
    deadlineMs: 3000,
  });

test('a statement goes over the connection of the one before, unless that is still waiting', async ({
  address,
}) => {
  const db = open(address);

  const inTurn = [await answeredBy(db, 1), await answeredBy(db, 1)].flat();
  const atOnce = await answeredBy(db, 3);
  const after = [await answeredBy(db, 1), await answeredBy(db, 1)].flat();
  await db.close();

  expect(new Set([...inTurn, ...after]).size).toBe(1);
  expect(new Set(atOnce).size).toBe(3);
  expect(atOnce).toContain(after[0]);
});

test('a statement that waits for a lock holds up no other one', async ({ address }) => {
  const [holder, db] = [postgres({ ...address, max: 1 }), open(address)];
  let waiting: Promise<unknown> | undefined;

  const pids = await holder.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock(7)`;
    waiting = db.run((free) => free`select pg_advisory_xact_lock(7)`);
    return answeredBy(db, 20);
  });
  await waiting;
  await Promise.all([db.close(), holder.end()]);

  expect(new Set(pids).size).toBe(2);
});

test('a statement for which no connection comes free in time is not sent', async ({ address }) => {
  const [db, look] = [open(address, 100), open(address)];
  await answeredBy(db, 3);
  await look.run((sql) => sql`create table sent (at timestamptz default now())`);
  const busy = Promise.all(Array.from({ length: 3 }, () => db.run((sql) => sql`select pg_sleep(0.5)`)));

  const late = db.run((sql) => sql`insert into sent default values`);
  await expect(late).rejects.toMatchObject({ code: 'database_unavailable' });
  await busy;
  const [row] = await look.run((sql) => sql<{ count: number }[]>`select count(*)::int as count from sent`);
  await Promise.all([db.close(), look.close()]);

  expect(row?.count).toBe(0);
});

test('what waits for a connection when the database is closed is not sent', async ({ address }) => {
  const [db, look] = [open(address), open(address)];
  await look.run((sql) => sql`create table sent_after (at timestamptz default now())`);
  await answeredBy(db, 3);
  const busy = Promise.all(Array.from({ length: 3 }, () => db.run((sql) => sql`select pg_sleep(0.5)`)));
  const waiting = db.run((sql) => sql`insert into sent_after default values`);
  await expect.poll(() => sleepers(look), { interval: 10 }).toBe(3);

  await Promise.all([db.close(), busy, expect(waiting).rejects.toThrow('has been closed')]);
  const [row] = await look.run(
    (sql) => sql<{ count: number }[]>`select count(*)::int as count from sent_after`,
  );
  await look.close();

  expect(row?.count).toBe(0);
});

test('a statement that the client refuses fails alone', async ({ address }) => {
  const db = open(address);
  await answeredBy(db, 3);
  const refused = () => db.run((sql) => sql`select ${undefined as unknown as string}::text`);
  const busy = Array.from({ length: 3 }, () => db.run((sql) => sql`select pg_sleep(0.1)`));

  const failed = await Promise.allSettled([refused(), refused(), refused(), refused()]);
  await Promise.all(busy);
  const after = await answeredBy(db, 3);
  await db.close();

  for (const outcome of failed) expect(outcome).toMatchObject({ reason: { code: 'UNDEFINED_VALUE' } });
  expect(new Set(after).size).toBe(3);
});

test('when a connection hangs, all that are as old are replaced', async ({ address }) => {
  const db = open(address);
  const before = await answeredBy(db, 3);

  const hanging = db.run((sql) => sql`select pg_sleep(3)`, 100);
  await expect(hanging).rejects.toMatchObject({ code: 'database_unavailable' });
  const after = await answeredBy(db, 3);
  await db.close();

  expect(after.filter((pid) => before.includes(pid))).toEqual([]);
});

test('a server that is slow to be found is looked for once, and no statement waits longer for it than it may', async ({
  address,
}) => {
  let find = (_: DatabaseAddress) => {};
  const found = new Promise<DatabaseAddress>((resolve) => {
    find = resolve;
  });
  const search = vi.fn(() => found);
  const options = { name: 'slow', connections: 1, patienceMs: 50, deadlineMs: 50 };
  const db = new Database({ ...options, address: search });

  for (let call = 0; call < 3; call += 1)
    await expect(answeredBy(db, 1)).rejects.toMatchObject({ code: 'database_unavailable' });
  find(address);
  const pids = await answeredBy(db, 1);
  await db.close();

  expect(pids).toHaveLength(1);
  expect(search).toHaveBeenCalledTimes(1);
});
