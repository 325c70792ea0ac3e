import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect } from 'vitest';
import { findStandby } from '../../src/store/standby-lock.ts';
import { builtServer } from '../support/built-server.ts';
import { environmentOf, processesOf } from '../support/sluice-process.ts';
import { type Arena, someRecords, test } from './arena.ts';
import { until } from './until.ts';
import { expectTargetDidAll, jobFinished, repeatedCalls } from './witness.ts';

const background = { SLUICE_BACKGROUND: 'on' };
const concurrency = 5;

const standbyIsThere = ({ db }: Arena) => until('a standby', async () => (await findStandby(db)) === 'works');

test.concurrent('one standby finishes the jobs of servers that were killed, and then ends by itself', {
  timeout: 60_000,
}, async ({ arena }) => {
  const servers = await Promise.all([arena.start(background), arena.start(background)]);
  const jobs = await Promise.all(
    servers.map((server, of) =>
      server.call('start_batch', {
        flow_id: 'import',
        concurrency,
        records: someRecords(200).map(({ id }) => ({ id: `${of}-${id}` })),
      }),
    ),
  );
  await standbyIsThere(arena);
  await arena.target.reached(40);
  // Found by their environment, which only Linux shows.
  const seesProcesses = existsSync('/proc/self/environ');
  if (seesProcesses)
    await until('a second standby has given way', () => processesOf(arena.home, 'run').length === 1);

  await Promise.all(servers.map((server) => server.kill()));
  for (const { batch_job_id } of jobs) {
    expect(await jobFinished(arena.db, batch_job_id)).toMatchObject({ status: 'completed', succeeded: 200 });
  }
  expectTargetDidAll(arena.target, 400);
  expect(repeatedCalls(arena.target)).toBeLessThanOrEqual(2 * concurrency * 2);
  if (seesProcesses) expect(processesOf(arena.home, 'run')).toHaveLength(1);

  await until('the standby ends', async () => !(await findStandby(arena.db)), 25_000);
  await until('its process ends', () => processesOf(arena.home).length === 0, 5000);
});

test.concurrent('a job that is accepted while the standby is about to end is finished all the same', {
  timeout: 60_000,
}, async ({ arena }) => {
  const server = await arena.start(background);
  arena.answer = ({ id }) => ({ kind: 'ok', delayMs: id === 'first' ? 2500 : 5 });
  await server.call('start_batch', { flow_id: 'import', records: [{ id: 'first' }] });
  await standbyIsThere(arena);

  // It looks once a second and gives up after ten idle ones, so the ninth look in vain is its last.
  await seeLooksInVain(arena, 9);
  const { batch_job_id } = await server.call('start_batch', {
    flow_id: 'import',
    records: someRecords(600),
  });
  await server.kill();

  expect(await jobFinished(arena.db, batch_job_id, 15_000)).toMatchObject({ succeeded: 600 });
});

test.concurrent('a standby keeps its place when its connection to the database grows old', {
  timeout: 60_000,
}, async ({ arena }) => {
  // postgres.js replaces connections after a time that this variable shortens to seconds.
  const server = await arena.start({ ...background, PGMAX_LIFETIME: '2' });
  arena.answer = () => ({ kind: 'ok', delayMs: 100 });
  const { batch_job_id } = await server.call('start_batch', {
    flow_id: 'import',
    records: someRecords(400),
  });
  await standbyIsThere(arena);

  await server.kill();

  expect(await jobFinished(arena.db, batch_job_id, 25_000)).toMatchObject({ succeeded: 400 });
  expect(repeatedCalls(arena.target)).toBeLessThanOrEqual(2 * concurrency);
});

test.concurrent('a standby stays for callbacks that a killed server owes, and sends them', {
  timeout: 60_000,
}, async ({ arena }) => {
  const { home, target } = arena;
  const hook = `hook: { type: webhook, url: "${target.url}/hook", allow_private: true }\n`;
  appendFileSync(join(home, 'flows/connectors.yaml'), hook);
  const told = () => target.hits.filter(({ path }) => path === '/hook');
  arena.answer = ({ path }) =>
    path === '/hook' && told().length === 1 ? { kind: 'status', status: 503 } : { kind: 'ok' };
  const server = await arena.start(background);
  await server.call('start_batch', {
    flow_id: 'import',
    records: someRecords(3),
    batch: { callback: 'hook' },
  });
  await standbyIsThere(arena);
  await until('the first attempt', () => told().length === 1);
  // A claim that dies with its process is given away only after a minute.
  await until('it is over', async () => (await deliveries(arena, 'last_error is not null')) === 1);
  await server.kill();

  await until('the second attempt', () => told().length === 2);
  await until('it is written down', async () => (await deliveries(arena, 'delivered_at is not null')) === 1);
  const [first, second] = told();
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
});

test.concurrent('sluice run finishes jobs also where nothing is started in the background', {
  timeout: 60_000,
}, async ({ arena }) => {
  arena.answer = () => ({ kind: 'ok', delayMs: 50 });
  const server = await arena.start();
  const { batch_job_id } = await server.call('start_batch', { flow_id: 'import', records: someRecords(100) });
  await server.kill();

  const run = spawn(process.execPath, [await builtServer(), 'run'], { env: environmentOf(arena) });
  expect(await jobFinished(arena.db, batch_job_id)).toMatchObject({ succeeded: 100 });

  run.kill('SIGTERM');
  expect(await once(run, 'exit')).toEqual([0, null]);
});

test.concurrent('a standby finds files in the folder that was meant where its server was started', {
  timeout: 60_000,
}, async ({ arena }) => {
  const { home, target } = arena;
  writeFileSync(join(home, 'only.note'), '');
  const steps = [
    '  ask: { type: http_request, connector: crm, path: /ask, body: { id: "{{ record.id }}" } }',
    '  tell: { type: http_request, connector: crm, for_each: "glob:*.note", path: /tell, body: { file: "{{ item }}" } }',
  ];
  writeFileSync(join(home, 'flows/notes.yaml'), ['flow: notes', 'steps:', ...steps, ''].join('\n'));
  const told = () => target.hits.filter(({ path }) => path === '/tell').length;
  // The first record is cut off by the end of its server, before it has come to the files.
  arena.answer = () => ({ kind: 'ok', delayMs: told() === 0 && target.hits.length < 2 ? 2000 : 5 });
  const server = await arena.start({ ...background, SLUICE_FILES: relative(process.cwd(), home) });
  const { batch_job_id } = await server.call('start_batch', { flow_id: 'notes', records: [{ id: 1 }] });
  await standbyIsThere(arena);
  await arena.target.reached(1);
  await server.kill();

  expect(await jobFinished(arena.db, batch_job_id)).toMatchObject({ succeeded: 1 });
  expect(told()).toBe(1);
});

/** How many callbacks are in a state. */
async function deliveries({ db }: Arena, state: string): Promise<number> {
  const rows = await db.run((sql) => sql`select from deliveries where ${sql.unsafe(state)}`);
  return rows.length;
}

/** Resolves when the standby has asked the database for work `count` times since the last job has ended. */
async function seeLooksInVain(arena: Arena, count: number): Promise<void> {
  const looks: number[] = [];
  await until(
    `look ${count} of the standby in vain`,
    async () => {
      const look = await lastLook(arena);
      // Its engine looks as well for a moment, right behind it.
      if (look > (looks.at(-1) ?? 0) + 500) looks.push(look);
      const end = await lastEnd(arena);
      return end !== undefined && looks.filter((at) => at > end).length >= count;
    },
    20_000,
  );
}

/** When the last job has ended, in milliseconds; undefined: one has not. */
async function lastEnd({ db }: Arena): Promise<number | undefined> {
  const [row] = await db.run(
    (sql) => sql<{ at: number | null }[]>`
      select case when bool_and(finished_at is not null) then
        extract(epoch from max(finished_at))::float8 * 1000 end as at from batch_jobs`,
  );
  return row?.at ?? undefined;
}

/** When the standby last asked the database for work, in milliseconds. Of a look its last statement can be seen. */
async function lastLook({ db }: Arena): Promise<number> {
  const [row] = await db.run(
    (sql) => sql<{ at: number }[]>`
      select extract(epoch from max(query_start))::float8 * 1000 as at from pg_stat_activity
      where application_name = 'sluice standby' and query like 'select "id", "flow_id"%' and datname = current_database()`,
  );
  return row?.at ?? 0;
}
