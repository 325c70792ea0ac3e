import { expect } from 'vitest';
import type { SluiceProcess } from '../support/sluice-process.ts';
import { type Arena, someRecords, test } from './arena.ts';
import { until } from './until.ts';
import { expectAllDone, jobFinished, onlyJob, readJob, repeatedCalls, watchCounts } from './witness.ts';

const concurrency = 5;
const graceMs = 5000;

/** A server in the middle of a job. */
async function inMidBatch(arena: Arena, records: number) {
  const sluice = await arena.start();
  await sluice.call('start_batch', { flow_id: 'import', concurrency, records: someRecords(records) });
  await arena.target.reached(40);
  return { sluice, batchJobId: await onlyJob(arena.db) };
}

test.concurrent.for<[string, (sluice: SluiceProcess) => void]>([
  ['SIGTERM', (sluice) => sluice.signal('SIGTERM')],
  ['SIGINT', (sluice) => sluice.signal('SIGINT')],
  ['SIGHUP', (sluice) => sluice.signal('SIGHUP')],
  ['the end of stdin', (sluice) => void sluice.close()],
])(
  'a server that is told to end by %s repeats no call and hands back what it has not done',
  async ([, tell], { arena }) => {
    const { sluice, batchJobId } = await inMidBatch(arena, 300);

    const toldAt = performance.now();
    tell(sluice);
    await sluice.exited;
    expect(performance.now() - toldAt).toBeLessThan(graceMs);
    expect(await readJob(arena.db, batchJobId)).toMatchObject({
      processing: 0,
      succeeded: arena.target.hits.length,
      finished: false,
    });

    await arena.start();
    await jobFinished(arena.db, batchJobId);
    await expectAllDone(arena, batchJobId, 300);
    expect(repeatedCalls(arena.target)).toBe(0);
  },
);

test.concurrent('calls that outlast the grace time are cut off, and the next server makes them again', async ({
  arena,
}) => {
  arena.answer = ({ attempt }) => (attempt === 1 ? { kind: 'hang' } : { kind: 'ok' });
  const sluice = await arena.start();
  await sluice.call('start_batch', { flow_id: 'import', concurrency, records: someRecords(12) });
  const batchJobId = await onlyJob(arena.db);
  await arena.target.reached(concurrency);

  const toldAt = performance.now();
  sluice.signal('SIGTERM');
  await sluice.exited;
  expect(performance.now() - toldAt).toBeLessThan(graceMs + 3000);
  expect(await readJob(arena.db, batchJobId)).toMatchObject({ processing: 0, pending: 12 });
  arena.answer = () => ({ kind: 'ok' });

  await arena.start();
  await jobFinished(arena.db, batchJobId);
  await expectAllDone(arena, batchJobId, 12);
});

test.concurrent('what a server that slept past its lease has to say of its records counts no more', async ({
  arena,
}) => {
  // The first answer for each of the last five would be a failure; it waits in the sleeper's sockets.
  arena.answer = ({ id, attempt }) => {
    if (Number(id) < 95) return { kind: 'ok', delayMs: 5 };
    return attempt === 1 ? { kind: 'status', status: 422, delayMs: 400 } : { kind: 'ok', delayMs: 3000 };
  };
  const sleeper = await arena.start();
  await sleeper.call('start_batch', { flow_id: 'import', concurrency, records: someRecords(100) });
  const batchJobId = await onlyJob(arena.db);
  const watch = watchCounts(arena.db, batchJobId);

  await arena.target.reached(100);
  sleeper.signal('SIGSTOP');
  await arena.start();
  await until('the last five run again', () => lastFiveAgain(arena) === 5);
  sleeper.signal('SIGCONT');
  const seen = await sleeper.call('get_batch_status', { batch_job_id: batchJobId, wait_seconds: 10 });

  expect(seen).toMatchObject({ finished: true, counts: { succeeded: 100 } });
  await expectAllDone(arena, batchJobId, 100);
  expect(await watch.stop()).toEqual([]);
  expect(repeatedCalls(arena.target)).toBeLessThanOrEqual(2 * concurrency);
});

const lastFiveAgain = ({ target }: Arena) =>
  target.hits.filter(({ id, attempt }) => Number(id) >= 95 && attempt === 2).length;

test.concurrent('a server that woke up again can take its job back, also with a call still under way', async ({
  arena,
}) => {
  arena.answer = ({ id, attempt }) => ({ kind: 'ok', delayMs: id === '40' && attempt === 1 ? 5000 : 25 });
  const { sluice: sleeper, batchJobId } = await inMidBatch(arena, 900);
  await arena.target.reached(60);

  sleeper.signal('SIGSTOP');
  const other = await arena.start();
  const calls = arena.target.hits.length;
  await arena.target.reached(calls + 40);
  sleeper.signal('SIGCONT');
  await sleeper.call('get_batch_status', { batch_job_id: batchJobId });
  await arena.target.reached(calls + 150);
  await other.kill();
  await jobFinished(arena.db, batchJobId, 15_000);

  await expectAllDone(arena, batchJobId, 900);
  expect(repeatedCalls(arena.target)).toBeLessThanOrEqual(4 * concurrency);
});
