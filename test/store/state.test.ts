import { expect } from 'vitest';
import { acquireLease } from '../../src/store/leases.ts';
import { addToState, readState, type StateWrite, writeState } from '../../src/store/state.ts';
import { test } from '../support/database.ts';
import { letLapse, newJob, startJob } from '../support/jobs.ts';

test('what is set is read again as it was, for a record and for the job apart', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  const values = [null, false, 0, 'text', { b: [1, { a: null }], a: 1.5 }, 'nul \u0000'];

  for (const [number, value] of values.entries()) {
    await writeState(db, { lease, index: 3, key: `k${number}`, number }, value);
  }
  await writeState(db, { lease, index: null, key: 'k3', number: 9 }, 'of the job');

  const read = (index: number | null, key: string) => readState(db, lease.batchJobId, { index, key });
  expect(await Promise.all([0, 1, 2, 3, 4].map((n) => read(3, `k${n}`)))).toEqual(values.slice(0, 5));
  expect(await read(3, 'k5')).toBe('nul \ufffd');
  expect(await read(null, 'k3')).toBe('of the job');
  expect(await read(4, 'k3')).toBeUndefined();
});

test('an addition sent twice counts once, also when another one has come in between', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  const write = (number: number): StateWrite => ({ lease, index: null, key: 'sum', number });

  expect(await addToState(db, write(1), 2)).toBe(2);
  expect(await addToState(db, write(1), 2)).toBe(2);
  expect(await addToState(db, write(2), 0.5)).toBe(2.5);
  await addToState(db, write(1), 2);

  expect(await readState(db, lease.batchJobId, { index: null, key: 'sum' })).toBe(2.5);
});

test('a value that comes late does not undo a later one', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  const write = (number: number): StateWrite => ({ lease, index: 0, key: 'place', number });

  await writeState(db, write(2), 'later');
  expect(await writeState(db, write(1), 'earlier')).toBe(true);

  expect(await readState(db, lease.batchJobId, { index: 0, key: 'place' })).toBe('later');
});

test('a process that lost its lease writes nothing, and the next one begins its numbers anew', async ({
  db,
}) => {
  const lease = await startJob(db, newJob(1));
  await writeState(db, { lease, index: 0, key: 'k', number: 100 }, 'first');
  await letLapse(db, lease.batchJobId);
  const taken = (await acquireLease(db, lease.batchJobId, 'other', 60_000))!;

  expect(await writeState(db, { lease, index: 0, key: 'k', number: 101 }, 'late')).toBe(false);
  expect(await addToState(db, { lease, index: 0, key: 'n', number: 102 }, 1)).toBe('refused');
  expect(await readState(db, lease.batchJobId, { index: 0, key: 'k' })).toBe('first');
  expect(await writeState(db, { lease: taken, index: 0, key: 'k', number: 1 }, 'second')).toBe(true);
  expect(await readState(db, lease.batchJobId, { index: 0, key: 'k' })).toBe('second');
});

test('nothing is added to what is no number', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  await writeState(db, { lease, index: 0, key: 'k', number: 1 }, 'text');

  expect(await addToState(db, { lease, index: 0, key: 'k', number: 2 }, 1)).toBe('no_number');
  expect(await readState(db, lease.batchJobId, { index: 0, key: 'k' })).toBe('text');
});
