import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { expect, test as plainTest } from 'vitest';
import { stopEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts';
import { builtServer } from '../support/built-server.ts';
import { endProcessesOf, environmentOf, type SluiceProcess, startSluice } from '../support/sluice-process.ts';
import { startTarget } from '../support/target.ts';
import { makeHome, test } from './arena.ts';
import { until } from './until.ts';
import { expectTargetDidAll, jobFinished, repeatedCalls } from './witness.ts';

const concurrency = 5;

const startJob = (sluice: SluiceProcess, name: string, count: number) =>
  sluice.call('start_batch', {
    flow_id: 'import',
    concurrency,
    records: Array.from({ length: count }, (_, n) => ({ id: `${name}-${n}` })),
  });

const idsSeenBy = async (sluice: SluiceProcess) =>
  (await sluice.call('list_batch_jobs')).jobs.map((job) => job.batch_job_id).sort();

test.concurrent('two servers see each other’s jobs, and the one that stays finishes both', async ({
  arena,
}) => {
  const [one, other] = await Promise.all([arena.start(), arena.start()]);
  const jobs = await Promise.all([startJob(one, 'one', 300), startJob(other, 'other', 300)]);
  const ids = jobs.map((job) => job.batch_job_id).sort();
  await arena.target.reached(60);

  expect(await idsSeenBy(one)).toEqual(ids);
  expect(await idsSeenBy(other)).toEqual(ids);
  await one.kill();

  for (const id of ids) expect(await jobFinished(arena.db, id)).toMatchObject({ succeeded: 300 });
  expectTargetDidAll(arena.target, 600);
  expect(repeatedCalls(arena.target)).toBeLessThanOrEqual(2 * concurrency);
});

test.concurrent('a server with nothing to do takes a job over when it is asked about it', async ({
  arena,
}) => {
  const [one, idle] = await Promise.all([arena.start(), arena.start()]);
  await idle.call('list_batch_jobs');
  const { batch_job_id } = await startJob(one, 'one', 300);
  await arena.target.reached(60);
  await one.kill();

  const status = await idle.call('get_batch_status', { batch_job_id, wait_seconds: 15 });

  expect(status).toMatchObject({ finished: true, counts: { succeeded: 300 } });
  expect(repeatedCalls(arena.target)).toBeLessThanOrEqual(2 * concurrency);
});

plainTest(
  'two servers and the command line start at once on a new home and share its database',
  {
    timeout: 60_000,
  },
  async () => {
    const target = await startTarget();
    const home = makeHome(target.url);
    try {
      const [one, other, listed] = await Promise.all([
        startAndRun(home, 'one'),
        startAndRun(home, 'other'),
        runCommand(home, ['list', '--json']),
      ]);

      expect(JSON.parse(listed)).toMatchObject({ jobs: expect.any(Array) });
      expect(await idsSeenBy(one.sluice)).toEqual([one.id, other.id].sort());
      for (const { sluice, id } of [one, other]) {
        await until('the job is finished', async () => {
          const { finished } = await sluice.call('get_batch_status', { batch_job_id: id, wait_seconds: 5 });
          return finished;
        });
      }
      expectTargetDidAll(target, 100);
      expect(repeatedCalls(target)).toBe(0);
      await Promise.all([one.sluice.close(), other.sluice.close()]);
    } finally {
      await stopEmbeddedPostgres(home);
      await endProcessesOf(home);
      await target.close();
      rmSync(home, { recursive: true, force: true });
    }
  },
);

async function startAndRun(home: string, name: string) {
  const sluice = await startSluice({ home });
  const { batch_job_id: id } = await startJob(sluice, name, 50);
  return { sluice, id };
}

async function runCommand(home: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [await builtServer(), ...args], {
    env: environmentOf({ home }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return text(child.stdout);
}
