import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { claimAlone, claimRecords } from '../../src/store/claims.ts';
import { acquireLease } from '../../src/store/leases.ts';
import { rescueRecords } from '../../src/store/rescue.ts';
import { steerJob } from '../../src/store/steering.ts';
import { test } from '../support/database.ts';
import { fail, finished, jobWhen, quickRetry, runFlow, testFlow } from '../support/engine.ts';
import { countRows, letLapse, newJob, requeue, startJob } from '../support/jobs.ts';

const keyOf = (index: number) => (index % 7 === 6 ? undefined : `key ${index % 7}`);
const records = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: null, json: `{"n":${index}}`, orderKey: keyOf(index) }));

/** A flow that keeps watch over what runs beside what. */
function watched(answer: (index: number, run: number) => void, ms = 1) {
  const underWay = new Set<number>();
  const runs = new Map<string, number[]>();
  const tries = new Map<number, number>();
  const seen = { overlaps: 0, peak: 0, runs };
  const flow = testFlow(
    async ({ index }) => {
      const key = keyOf(index);
      if (key !== undefined) {
        if ([...underWay].some((other) => keyOf(other) === key)) seen.overlaps++;
        runs.set(key, [...(runs.get(key) ?? []), index]);
      }
      underWay.add(index);
      seen.peak = Math.max(seen.peak, underWay.size);
      const run = (tries.get(index) ?? 0) + 1;
      tries.set(index, run);
      await sleep(ms);
      underWay.delete(index);
      answer(index, run);
      return null;
    },
    { retry: quickRetry(1, 5) },
  );
  return { flow, seen };
}

const ascending = (indexes: readonly number[]) =>
  indexes.every((index, at) => at === 0 || index >= (indexes[at - 1] ?? 0));

test('records of one key run one after the other in the order of the input, over retries, failures and waves', async ({
  db,
}) => {
  const { flow, seen } = watched((index, run) => {
    if (index % 10 === 3 && run === 1) fail('transient');
    if (index % 10 === 5 && run === 1) fail('data');
  });

  const { id, engine } = await runFlow(db, flow, 0, {
    records: records(140),
    orderBy: 'key',
    concurrency: 8,
  });
  const first = await jobWhen(db, id, finished);

  expect(first.counts).toMatchObject({ succeeded: 126, failed: 14 });
  expect([...seen.runs.values()].every(ascending)).toBe(true);
  expect(seen.overlaps).toBe(0);
  expect(seen.peak).toBeGreaterThan(3);

  seen.runs.clear();
  await requeue(db, id, first.wave, { statuses: ['failed'] }, 8, { ordered: true });
  engine.wake(id);
  const second = await jobWhen(db, id, (job) => job.wave === 1 && finished(job));

  expect(second.counts).toMatchObject({ succeeded: 126, retried_success: 14 });
  expect([...seen.runs.values()].every(ascending)).toBe(true);
  expect(seen.overlaps).toBe(0);
  await engine.stop(0);
});

test('what a cancel skipped goes on in order', async ({ db }) => {
  const { flow, seen } = watched(() => {}, 3);
  const { id, engine } = await runFlow(db, flow, 0, {
    records: records(200),
    orderBy: 'key',
    concurrency: 4,
  });
  await jobWhen(db, id, ({ counts }) => counts.succeeded > 20);

  await steerJob(db, id, { action: 'cancel' });
  const cancelled = await jobWhen(db, id, finished);
  await requeue(db, id, cancelled.wave, { statuses: ['skipped'] }, 6, { ordered: true });
  engine.wake(id);
  const whole = await jobWhen(db, id, (job) => job.wave === 1 && finished(job));

  expect(cancelled.counts.skipped).toBeGreaterThan(100);
  expect(whole.counts.succeeded).toBe(200);
  expect([...seen.runs.values()].every(ascending)).toBe(true);
  expect(seen.overlaps).toBe(0);
  await engine.stop(0);
});

test('a record that kills its process lets the next of its key go when it fails as poison', async ({
  db,
}) => {
  const job = newJob(0, {
    records: records(14).filter(({ orderKey }) => orderKey === 'key 0'),
    orderBy: 'key',
  });
  let lease = await startJob(db, job);
  const crash = async (claims: number) => {
    await letLapse(db, job.id);
    const next = await acquireLease(db, job.id, `another ${claims}`, 60_000);
    if (next === undefined) throw new Error('the lane is free');
    await rescueRecords(db, next, 10, true);
    lease = next;
  };
  const request = () => ({ lease, claims: 0, limit: 10, fresh: true });

  const claimed = [await claimRecords(db, request())];
  await crash(1);
  claimed.push(await claimRecords(db, request()));
  await crash(2);
  claimed.push(await claimAlone(db, lease, 0));
  await crash(3);
  claimed.push(await claimRecords(db, request()));

  expect(claimed.map((each) => each?.records.map(({ index }) => index))).toEqual([[0], [0], [0], [1]]);
  expect(await countRows(db, job.id)).toEqual({ failed: 1, processing: 1 });
});

test('a record that has another key in a later wave waits for those of that key, or for none', async ({
  db,
}) => {
  const { flow } = watched(() => fail('data'));
  const { id, engine } = await runFlow(db, flow, 0, { records: records(5), orderBy: 'key' });
  const { wave } = await jobWhen(db, id, finished);
  await engine.stop(0);
  const renamed = [
    { index: 1, orderKey: 'another' },
    { index: 2, orderKey: 'key 4', id: 'two' },
    { index: 3, orderKey: null },
    { index: 4, id: 'four' },
  ];

  await requeue(db, id, wave, { statuses: ['failed'] }, 5, { ordered: true, renamed });

  const rows = await db.run(
    (sql) => sql`
      select record_id, order_key, held from records where job_id = ${id} order by idx`,
  );
  expect([...rows]).toEqual([
    { record_id: null, order_key: 'key 0', held: false },
    { record_id: null, order_key: 'another', held: false },
    { record_id: 'two', order_key: 'key 4', held: false },
    { record_id: null, order_key: null, held: false },
    { record_id: 'four', order_key: 'key 4', held: true },
  ]);
});
