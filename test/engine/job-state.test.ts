import { expect } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { JobState } from '../../src/engine/job-state.ts';
import { acquireLease } from '../../src/store/leases.ts';
import { test } from '../support/database.ts';
import { fail, finished, jobWhen, quickRetry, runFlow, testFlow } from '../support/engine.ts';
import { letLapse, newJob, startJob } from '../support/jobs.ts';

test('200 additions at once are all counted, and each gets a sum of its own', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  const state = new JobState(db, lease).of(null);

  const sums = await Promise.all(Array.from({ length: 200 }, () => state.incr('n', 1)));

  expect(sums.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
  expect(await state.get('n')).toBe(200);
});

test('writes of one key come in the order they were made', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  const state = new JobState(db, lease).of(0);

  const all = [
    state.set('k', 5),
    state.incr('k', 1),
    state.incr('k', 1),
    state.set('k', 10),
    state.incr('k', 1),
  ];

  expect(await Promise.all(all)).toEqual([undefined, 6, 7, undefined, 11]);
  expect(await state.get('k')).toBe(11);
});

test('the records of a job share the values of the job and have their own besides', async ({ db }) => {
  const flow = testFlow(async ({ index, state }) => {
    await state(index).set('seen', index);
    await state(null).incr('sum', index);
    return [(await state(index).get('seen')) as JsonValue, (await state(index).get('other')) ?? null];
  });

  const { id, engine } = await runFlow(db, flow, 60, { concurrency: 20 });
  await jobWhen(db, id, finished);

  const rows = await db.run(
    (sql) => sql`select idx, key, value from job_state where job_id = ${id} and key = 'sum'`,
  );
  expect(rows).toEqual([{ idx: -1, key: 'sum', value: (59 * 60) / 2 }]);
  const results = await db.run((sql) => sql`select result from records where job_id = ${id} order by idx`);
  expect(results.map((row) => row.result)).toEqual(Array.from({ length: 60 }, (_, n) => [n, null]));
  await engine.stop(0);
});

test.for([
  ['state_too_large', (state: JobState) => state.of(0).set('k', 'x'.repeat(64 * 1024))],
  ['state_too_large', (state: JobState) => state.of(0).set('k', undefined as never)],
  ['state_key_invalid', (state: JobState) => state.of(0).get('k'.repeat(201))],
  ['state_key_invalid', (state: JobState) => state.of(0).incr('nul \u0000', 1)],
  ['state_no_number', (state: JobState) => state.of(0).incr('k', Number.NaN)],
  ['state_no_number', (state: JobState) => state.of(0).incr('text', 1)],
  ['state_not_storable', (state: JobState) => state.of(0).incr('most', Number.MAX_VALUE)],
] as const)('%s is a failure of the record', async ([code, write], { db }) => {
  const state = new JobState(db, await startJob(db, newJob(1)));
  await state.of(0).set('text', 'text');
  await state.of(0).set('most', Number.MAX_VALUE);

  await expect(write(state)).rejects.toMatchObject({
    name: 'RecordFailure',
    failure: { class: 'data', code },
  });
});

test('a process that lost its lease is told so, and its run comes to nothing', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  const state = new JobState(db, lease).of(null);
  await letLapse(db, lease.batchJobId);
  await acquireLease(db, lease.batchJobId, 'other', 60_000);

  await expect(state.set('k', 1)).rejects.toThrow('not held');
  await expect(Promise.all([state.incr('n', 1), state.incr('n', 1)])).rejects.toThrow('not held');
  expect(await state.get('k')).toBeUndefined();
});

test('the values of a record outlive its attempts', async ({ db }) => {
  const flow = testFlow(
    async ({ index, state }) => {
      if ((await state(index).incr('tries', 1)) < 3) fail('transient');
      return null;
    },
    { retry: quickRetry(3) },
  );
  const { id, engine } = await runFlow(db, flow, 1);
  const job = await jobWhen(db, id, finished);

  expect(job.counts.succeeded).toBe(1);
  const [row] = await db.run((sql) => sql`select value from job_state where job_id = ${id}`);
  expect(row?.value).toBe(3);
  await engine.stop(0);
});
