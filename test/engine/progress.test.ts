import { expect } from 'vitest';
import type { Progress } from '../../src/domain/progress.ts';
import { BrokenRun } from '../../src/flows/broken-run.ts';
import type { Attempt } from '../../src/flows/flow.ts';
import { acquireLease } from '../../src/store/leases.ts';
import { rescueRecords } from '../../src/store/rescue.ts';
import { test } from '../support/database.ts';
import { finished, jobWhen, quickRetry, quietLog, runFlow, testEngine, testFlow } from '../support/engine.ts';
import { letLapse, requeue } from '../support/jobs.ts';

const down = { class: 'transient', code: 'down', message: 'The second step is down' } as const;

/** Two steps, the first of them checkpointed; `second` decides what becomes of the other. */
function twoSteps(second: (attempt: Attempt, progress: Progress) => unknown, size = 1) {
  const calls = { first: 0, second: 0 };
  const flow = testFlow(
    async (attempt) => {
      let progress = attempt.progress ?? { results: {} };
      if (progress.results.first === undefined) {
        calls.first++;
        progress = { ...progress, results: { ...progress.results, first: 'x'.repeat(size) } };
        await attempt.checkpoint?.(progress);
      }
      calls.second++;
      await second(attempt, progress);
      return 'done';
    },
    { retry: quickRetry(2) },
  );
  return { flow, calls };
}

test('a second attempt does not repeat the step that was checkpointed', async ({ db }) => {
  let isDown = true;
  const { flow, calls } = twoSteps((_, progress) => {
    if (isDown) {
      isDown = false;
      throw new BrokenRun(down, progress);
    }
  });

  const { id, engine } = await runFlow(db, flow, 1);
  const job = await jobWhen(db, id, finished);

  expect(job.counts.succeeded).toBe(1);
  expect(calls).toEqual({ first: 1, second: 2 });
  const [row] = await db.run((sql) => sql`select progress from records where job_id = ${id}`);
  expect(row?.progress).toBeNull();
  await engine.stop(0);
});

test('the retries of a step are its own, however often the record was tried before', async ({ db }) => {
  const { flow, calls } = twoSteps(({ progress }) => {
    const tries = progress?.failing?.second ?? 0;
    throw new BrokenRun(
      down,
      { results: progress?.results ?? {}, failing: { second: tries + 1 } },
      { policy: quickRetry(4), tries },
    );
  });

  const { id, engine } = await runFlow(db, flow, 1);
  const job = await jobWhen(db, id, finished);

  expect(job.counts.failed).toBe(1);
  expect(calls.second).toBe(5);
  await engine.stop(0);
});

test('a retry of failed records goes on from what was done, with all retries of its own', async ({ db }) => {
  let isDown = true;
  const failing: unknown[] = [];
  const { flow, calls } = twoSteps(({ progress }, present) => {
    failing.push(progress?.failing);
    if (isDown) throw new BrokenRun({ ...down, class: 'data' }, { ...present, failing: { second: 3 } });
  });
  const { id, engine } = await runFlow(db, flow, 1);
  await jobWhen(db, id, finished);
  isDown = false;

  await requeue(db, id, 0, { statuses: ['failed'] }, 1);
  engine.wake();
  const job = await jobWhen(db, id, finished);

  expect(job.counts.retried_success).toBe(1);
  expect(calls).toEqual({ first: 1, second: 2 });
  expect(failing).toEqual([undefined, undefined]);
  await engine.stop(0);
});

test('an attempt cut off by the end of the process keeps what was checkpointed', async ({ db }) => {
  let cutOff = true;
  const { flow, calls } = twoSteps(({ signal }) =>
    cutOff ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))) : null,
  );
  const { id, engine } = await runFlow(db, flow, 1);
  await expect.poll(() => calls.second).toBe(1);
  await engine.stop(10);
  cutOff = false;

  const other = testEngine(db, flow, { holder: 'other' });
  other.wake();
  await jobWhen(db, id, finished);

  expect(calls).toEqual({ first: 1, second: 2 });
  await other.stop(0);
});

test('many checkpoints at once share statements and all are kept', async ({ db }) => {
  const kept = new Map<number, Progress | undefined>();
  let isDown = true;
  const flow = testFlow(async ({ index, progress, checkpoint }) => {
    kept.set(index, progress);
    if (!isDown) return null;
    for (const step of ['a', 'b', 'c']) await checkpoint?.({ results: { [step]: index } });
    throw new BrokenRun({ ...down, class: 'data' }, { results: { c: index } });
  });
  const { id, engine } = await runFlow(db, flow, 200, { concurrency: 40 });
  await jobWhen(db, id, finished);
  isDown = false;

  await requeue(db, id, 0, { statuses: ['failed'] }, 40);
  engine.wake();
  await jobWhen(db, id, finished);

  expect([...kept].filter(([index, progress]) => progress?.results.c !== index)).toEqual([]);
  await engine.stop(0);
});

test('progress over 1 MiB is not kept, the run goes on, and the log says so', async ({ db }) => {
  const said: string[] = [];
  const log = { ...quietLog, warn: (_: object, message: string) => said.push(message) };
  let tries = 0;
  const { flow, calls } = twoSteps((_, progress) => {
    const failing = { second: ++tries };
    if (tries < 3)
      throw new BrokenRun(down, { ...progress, failing }, { policy: quickRetry(5), tries: tries - 1 });
  }, 1024 * 1024);

  const { id, engine } = await runFlow(db, flow, 1, {}, { log });
  const job = await jobWhen(db, id, finished);

  expect(job.counts.succeeded).toBe(1);
  expect(calls).toEqual({ first: 3, second: 3 });
  expect(said.filter((message) => message.includes('1 MiB')).length).toBe(3);
  await engine.stop(0);
});

test('a checkpoint of a process that lost its lease ends the run, and settles nothing', async ({ db }) => {
  let began = () => {};
  const waiting = new Promise<void>((resolve) => {
    began = resolve;
  });
  let takeOver = () => {};
  const taken = new Promise<void>((resolve) => {
    takeOver = resolve;
  });
  const refusals: unknown[] = [];
  const flow = testFlow(async ({ checkpoint }) => {
    began();
    await taken;
    await checkpoint?.({ results: { late: true } }).catch((error: unknown) => {
      refusals.push(error);
      throw error;
    });
    return null;
  });
  const { id, engine } = await runFlow(db, flow, 1);
  await waiting;

  await letLapse(db, id);
  const other = await acquireLease(db, id, 'other', 60_000);
  await rescueRecords(db, other!, 10, true);
  takeOver();
  await expect.poll(() => refusals.length).toBe(1);
  await expect.poll(() => engine.running).toBe(0);

  expect(refusals).toEqual([expect.objectContaining({ name: 'LeaseLost' })]);
  const [row] = await db.run(
    (sql) => sql`select status, attempts, progress from records where job_id = ${id}`,
  );
  expect(row).toEqual({ status: 'pending', attempts: 1, progress: null });
  await engine.stop(0);
});
