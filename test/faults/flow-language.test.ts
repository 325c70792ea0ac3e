import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'vitest';
import { createJob, type NewJob } from '../../src/store/create-job.ts';
import { newJob } from '../support/jobs.ts';
import { type Arena, test as base } from './arena.ts';
import { jobFinished, readJob, watchCounts } from './witness.ts';

/** Starts processes that run one flow, and ends those that are left. */
const test = base.extend<{ run: (arena: Arena, flow: string, env?: Record<string, string>) => ChildProcess }>(
  {
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
    run: async ({}, use) => {
      const started: ChildProcess[] = [];
      await use((arena, flow, env = {}) => {
        const file = join(import.meta.dirname, 'engine-child.ts');
        const args = ['--import', 'tsx', file, arena.databaseUrl, arena.target.url, flow];
        const child = spawn(process.execPath, args, { stdio: 'ignore', env: { ...process.env, ...env } });
        started.push(child);
        return child;
      });
      await Promise.all(started.map(kill));
    },
  },
);

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function accept({ db }: Arena, count: number, more: Partial<NewJob>): Promise<string> {
  const job = newJob(count, { holder: 'nobody', leaseMs: 0, ...more });
  await createJob(db, job);
  return job.id;
}

test.concurrent('a process killed in the middle of chunks repeats no more than those under way', {
  timeout: 60_000,
}, async ({ arena, run }) => {
  const [size, concurrency, kills] = [5, 2, 2];
  arena.answer = () => ({ kind: 'ok', delayMs: 2 });
  const id = await accept(arena, 200, { concurrency, chunkSize: size });
  const watch = watchCounts(arena.db, id);

  for (let round = 1; round <= kills; round++) {
    const child = run(arena, 'chunks');
    await arena.target.reached(arena.target.hits.length + 37 + round);
    await kill(child);
  }
  run(arena, 'chunks');
  const job = await jobFinished(arena.db, id, 30_000);

  expect(job).toMatchObject({ status: 'completed', succeeded: 200 });
  expect(await watch.stop()).toEqual([]);
  const { hits, hitsPerKey } = arena.target;
  expect(hitsPerKey.size).toBe(200);
  expect(hits.length - hitsPerKey.size).toBeGreaterThan(0);
  expect(hits.length - hitsPerKey.size).toBeLessThanOrEqual(2 * concurrency * size * kills);
});

test.concurrent('a step that was checkpointed is not called again after its process was killed', async ({
  arena,
  run,
}) => {
  const id = await accept(arena, 8, { concurrency: 1 });

  await once(run(arena, 'checkpoints'), 'exit');
  expect(await readJob(arena.db, id)).toMatchObject({ finished: false });
  run(arena, 'checkpoints');
  const job = await jobFinished(arena.db, id);

  expect(job).toMatchObject({ status: 'completed', succeeded: 8 });
  const calls = arena.target.hits.map((hit) => hit.id);
  expect(calls.filter((called) => called?.endsWith(' 3'))).toEqual(['first 3', 'second 3']);
  expect(new Set(calls).size).toBe(16);
});

test.concurrent('an end part whose process was killed before it was written down runs again', async ({
  arena,
  run,
}) => {
  const id = await accept(arena, 20, { hasEnd: true });

  await once(run(arena, 'ending', { SLUICE_FAULTS: 'in_ending' }), 'exit');
  expect(await readJob(arena.db, id)).toMatchObject({ finished: false, succeeded: 20 });
  expect(arena.target.hits.length).toBe(1);
  run(arena, 'ending');
  const job = await jobFinished(arena.db, id);

  expect(job.status).toBe('completed');
  expect(arena.target.hits.map((hit) => hit.id)).toEqual(['end', 'end']);
});
