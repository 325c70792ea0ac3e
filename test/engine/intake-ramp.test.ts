import { expect } from 'vitest';
import { stopJob } from '../../src/store/control.ts';
import { steerJob } from '../../src/store/steering.ts';
import { test } from '../support/database.ts';
import { fail, finished, jobWhen, quickRetry, runFlow, testEngine, testFlow } from '../support/engine.ts';

const ramp = { steps: [5, 20], maxFailureRate: 0.2 };

test('a job begins with its first records, and goes on step by step while few of them fail', async ({
  db,
}) => {
  const seen: number[] = [];
  const settled: number[] = [];
  const flow = testFlow(
    async ({ index }) => {
      seen.push(index);
      if (index === 5 || index === 20) settled.push(seen.length - 1);
      if (index === 2) fail('data');
      // The gate waits for its second attempt.
      if (index === 4 && settled.length === 0 && seen.indexOf(4) === seen.lastIndexOf(4)) fail('transient');
      return null;
    },
    { retry: quickRetry(1, 60) },
  );

  const { id, engine } = await runFlow(db, flow, 200, { ramp, concurrency: 10 });
  const job = await jobWhen(db, id, finished);

  expect(settled).toEqual([6, 21]);
  expect(job).toMatchObject({ status: 'completed_with_errors', rampStage: 2 });
  expect(job.counts).toMatchObject({ succeeded: 199, failed: 1 });
  const events = await db.run(
    (sql) => sql<{ message: string }[]>`
      select message from job_events where job_id = ${id} and kind = 'ramp_step' order by id`,
  );
  expect(events.map(({ message }) => message)).toEqual([
    '1 of the first 5 records failed; those up to the 20th follow.',
    '1 of the first 20 records failed; all others follow.',
  ]);
  await engine.stop(0);
});

test('a step in which too many fail pauses the job; a resume passes its gate alone, in whatever process', async ({
  db,
}) => {
  const seen = new Set<number>();
  const flow = testFlow(({ index }) => {
    seen.add(index);
    return index % 2 === 0 ? fail('data') : null;
  });

  const { id, engine } = await runFlow(db, flow, 100, { ramp, concurrency: 10 });
  const first = await jobWhen(db, id, ({ status, held }) => status === 'paused' && !held);
  const seenFirst = seen.size;
  await engine.stop(0);
  await steerJob(db, id, { action: 'resume' });
  const other = testEngine(db, flow, { holder: 'another' });
  other.wake();
  const second = await jobWhen(db, id, ({ status, rampStage }) => status === 'paused' && rampStage === 1);

  expect(seenFirst).toBe(5);
  expect(first).toMatchObject({
    pauseKind: 'ramp',
    pauseMessage: '3 of the first 5 records failed, more than the 20 % that the ramp allows.',
    rampStage: 0,
  });
  expect(second.pauseMessage).toContain('10 of the first 20 records failed');
  expect(seen.size).toBe(20);

  await steerJob(db, id, { action: 'resume' });
  other.wake();
  expect((await jobWhen(db, id, finished)).counts).toMatchObject({ succeeded: 50, failed: 50 });
  await other.stop(0);
});

test('a job that is smaller than its first step is never stopped by it', async ({ db }) => {
  const { id, engine } = await runFlow(
    db,
    testFlow(() => fail('data')),
    5,
    { ramp },
  );

  expect(await jobWhen(db, id, finished)).toMatchObject({ status: 'completed_with_errors', rampStage: 0 });
  await engine.stop(0);
});

test('records that wait for an earlier one of their key do not run past a gate either', async ({ db }) => {
  const seen: number[] = [];
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const flow = testFlow(async ({ index }) => {
    seen.push(index);
    // All but one of the first step are under way while those of the other key follow each other.
    if (index > 0 && index < 5) await gate;
    return fail('data');
  });
  const records = Array.from({ length: 100 }, (_, n) => ({
    id: null,
    json: `{"n":${n}}`,
    orderKey: n > 0 && n < 5 ? `own ${n}` : 'shared',
  }));
  const { id, engine } = await runFlow(db, flow, 0, { ramp, concurrency: 10, orderBy: 'k', records });

  await jobWhen(db, id, ({ counts }) => counts.failed === 1);
  release();
  const job = await jobWhen(db, id, ({ status }) => status === 'paused');

  expect(job.counts).toMatchObject({ failed: 5, pending: 95 });
  expect(seen.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
  await stopJob(db, id, 'cancelled', 'cancelled');
  await jobWhen(db, id, finished);
  await engine.stop(0);
});
