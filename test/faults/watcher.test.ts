import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test as plainTest } from 'vitest';
import { stopEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts';
import { findPlace } from '../../src/store/embedded/place.ts';
import { builtServer } from '../support/built-server.ts';
import { endProcessesOf, environmentOf, processesOf, startSluice } from '../support/sluice-process.ts';
import { startTarget, type Target } from '../support/target.ts';
import { makeHome } from './arena.ts';
import { until } from './until.ts';

/** A home with a database of its own, which somebody has to stop, and the target of its flow. */
const test = plainTest.extend<{ home: string; target: Target }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  target: async ({}, use) => {
    const target = await startTarget();
    await use(target);
    await target.close();
  },
  home: async ({ target }, use) => {
    const home = makeHome(target.url);
    await use(home);
    await endProcessesOf(home);
    await stopEmbeddedPostgres(home);
    rmSync(home, { recursive: true, force: true });
  },
});

const background = { SLUICE_BACKGROUND: 'on' };
const started = (home: string) => processesOf(home, 'run');

/** By its lock: who asks the server itself is a client, for whom it is kept. */
const isStopped = (home: string) => () => !existsSync(join(findPlace(home).dataDirectory, 'postmaster.pid'));

test.concurrent('a database that a server starts again after `sluice stop` is stopped by somebody as well', {
  timeout: 90_000,
}, async ({ home }) => {
  const sluice = await startSluice({ home, env: background });
  await sluice.call('list_batch_jobs');
  await until('somebody watches', () => started(home).length === 1);
  await runCommand(home, ['stop']);
  await until('nobody does', () => started(home).length === 0);

  await sluice.call('list_batch_jobs');
  await until('somebody watches again', () => started(home).length === 1);
  await sluice.close();

  await until('the database has ended', isStopped(home), 40_000);
  await until('all have ended', () => processesOf(home).length === 0);
});

test.concurrent('a database whose watcher was killed is stopped once its server has gone', {
  timeout: 90_000,
}, async ({ home }) => {
  const sluice = await startSluice({ home });
  await sluice.call('list_batch_jobs');
  await until('somebody watches', () => started(home).length === 1);

  // At the very end: a server that opens another connection looks by itself.
  for (const pid of started(home)) process.kill(pid, 'SIGKILL');
  await until('nobody does', () => started(home).length === 0);
  await sluice.close();

  await until('the database has ended', isStopped(home), 40_000);
  await until('all have ended', () => processesOf(home).length === 0);
});

test.concurrent('one that only watches gives way to one that works', { timeout: 90_000 }, async ({
  home,
  target,
}) => {
  const records = JSON.stringify([{ id: 'a' }, { id: 'b' }]);
  const server = await startSluice({ home });
  await server.call('list_batch_jobs');
  await until('somebody watches', () => started(home).length === 1);

  await runCommand(home, ['start', 'import', '--records', records, '--detach'], background);

  await until('the records are sent', () => target.hits.length === 2, 10_000);
  await until('one is left', () => started(home).length === 1, 10_000);
  expect(await runCommand(home, ['run'])).toMatch(/another process of this database takes up jobs already/);
  await server.close();
  await until('the database has ended', isStopped(home), 40_000);
});

/** What a command writes. */
async function runCommand(home: string, args: readonly string[], env = {}): Promise<string> {
  const child = spawn(process.execPath, [await builtServer(), ...args], {
    env: environmentOf({ home, env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return (await Promise.all([text(child.stdout), text(child.stderr)])).join('');
}
