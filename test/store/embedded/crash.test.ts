import { spawn } from 'node:child_process';
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import {
  describeEmbedded,
  ensureEmbeddedPostgres,
  stopEmbeddedPostgres,
} from '../../../src/store/embedded/embedded-postgres.ts';
import { end } from './processes.ts';
import { query, removePattern, usedHome } from './temporary-home.ts';

afterAll(removePattern);

test('after a kill -9 of the server the next start recovers what was committed', async () => {
  const home = await usedHome();
  await query(await ensureEmbeddedPostgres({ home }), 'create table kept as select 42 as answer');
  await crash(home);

  const again = await ensureEmbeddedPostgres({ home });

  expect(await query(again, 'select answer from kept')).toEqual([{ answer: 42 }]);
});

test('a connection left over from a killed server does not stand in the way', async () => {
  const home = await usedHome();
  const busy = postgres({ ...(await ensureEmbeddedPostgres({ home })), max: 1, onnotice: () => {} });
  const waiting = busy`select pg_sleep(60)`.then(
    () => 'ended',
    () => 'cut',
  );
  await vi.waitFor(async () => {
    const sleeping = await query(
      await ensureEmbeddedPostgres({ home }),
      `select 1 from pg_stat_activity where wait_event = 'PgSleep'`,
    );
    expect(sleeping).toHaveLength(1);
  }, 10_000);
  await crash(home);

  const again = await ensureEmbeddedPostgres({ home });

  expect(await query(again, 'select 1 as one')).toEqual([{ one: 1 }]);
  expect(await waiting).toBe('cut');
  await busy.end({ timeout: 0 });
});

test('a stale lock whose pid belongs to another process by now is removed', async () => {
  const home = await usedHome();
  const { host } = await ensureEmbeddedPostgres({ home });
  const { dataDirectory } = await crash(home);
  const stranger = await startStranger(dataDirectory);
  for (const lock of [join(dataDirectory, 'postmaster.pid'), join(host, '.s.PGSQL.5432.lock')]) {
    writeFileSync(lock, readFileSync(lock, 'utf8').replace(/^\d+/, String(stranger)));
  }

  const again = await ensureEmbeddedPostgres({ home });

  expect(await query(again, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a process that took over the pid of the server is not stopped', async () => {
  const home = await usedHome();
  await ensureEmbeddedPostgres({ home });
  const { dataDirectory } = await crash(home);
  const stranger = await startStranger(dataDirectory);
  const lock = join(dataDirectory, 'postmaster.pid');
  writeFileSync(lock, readFileSync(lock, 'utf8').replace(/^\d+/, String(stranger)));

  expect(await stopEmbeddedPostgres(home)).toBe(false);
  expect(() => process.kill(stranger, 0)).not.toThrow();
});

test('a lock that a power cut left empty is removed', async () => {
  const home = await usedHome();
  await ensureEmbeddedPostgres({ home });
  const { dataDirectory } = await crash(home);
  const lock = join(dataDirectory, 'postmaster.pid');
  writeFileSync(lock, '');
  utimesSync(lock, new Date(0), new Date(0));

  const again = await ensureEmbeddedPostgres({ home });

  expect(await query(again, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a server that cannot start is reported with the end of its log', async () => {
  const home = await usedHome();
  await ensureEmbeddedPostgres({ home });
  const { dataDirectory, logFile } = await describeEmbedded(home);
  await stopEmbeddedPostgres(home);
  writeFileSync(join(dataDirectory, 'postgresql.auto.conf'), 'no_such_setting = 1\n');

  const failure = await ensureEmbeddedPostgres({ home }).catch((error) => error);

  expect(failure).toMatchObject({ name: 'SluiceError', code: 'database_unavailable' });
  expect(failure.message).toContain('no_such_setting');
  expect(failure.message).toContain(logFile);
  expect(failure.message).toContain('DATABASE_URL');
});

test('data of another major version is refused and left alone', async () => {
  const home = await usedHome();
  await ensureEmbeddedPostgres({ home });
  const { dataDirectory } = await describeEmbedded(home);
  await stopEmbeddedPostgres(home);
  writeFileSync(join(dataDirectory, 'PG_VERSION'), '17\n');

  const failure = await ensureEmbeddedPostgres({ home }).catch((error) => error);

  expect(failure).toMatchObject({
    code: 'database_unsupported',
    message: expect.stringContaining('Postgres 17'),
  });
});

/** Ends the server as a power cut would. */
async function crash(home: string) {
  const state = await describeEmbedded(home);
  process.kill(state.pid!, 'SIGKILL');
  await vi.waitFor(async () => expect((await describeEmbedded(home)).state).toBe('stopped'), 10_000);
  return state;
}

/** A process that is no Postgres, of the user whose pids Postgres takes for servers: its own. */
async function startStranger(dataDirectory: string): Promise<number> {
  const { uid, gid } = statSync(dataDirectory);
  const user = process.geteuid?.() === 0 ? { uid, gid } : {};
  const stranger = spawn('sleep', ['60'], { cwd: '/', stdio: 'ignore', ...user });
  onTestFinished(() => end(stranger));
  return stranger.pid!;
}
