import { expect } from 'vitest';
import { Claimer } from '../../src/engine/claimer.ts';
import type { Database } from '../../src/store/database.ts';
import { test } from '../support/database.ts';
import { newJob, startJob } from '../support/jobs.ts';

const claimerOf = async (db: Database, count: number, characters: number) => {
  const json = JSON.stringify('x'.repeat(characters));
  const job = newJob(0, { records: Array.from({ length: count }, () => ({ id: null, json })) });
  const lease = await startJob(db, job);
  return new Claimer(db, lease, { claimedTo: -1 }, 1, 500, () => {});
};

test('a window begins small, and grows while it is quickly through', async ({ db }) => {
  const claimer = await claimerOf(db, 400, 10);

  const taken: number[] = [];
  for (let round = 0; round < 4; round += 1) taken.push((await claimer.claim(true, 5)).length);

  expect(taken).toEqual([50, 100, 200, 50]);
});

test('a window of large records shrinks to what may lie in memory', async ({ db }) => {
  const claimer = await claimerOf(db, 60, 800_000);

  const first = await claimer.claim(true, 5);

  expect(first).toHaveLength(50);
  expect(claimer.window).toBeLessThanOrEqual((2 * 16 * 1024 * 1024) / 800_000);
});

test('after a claim that failed half as many are asked for', async ({ db }) => {
  let isBroken = false;
  const breakable: Pick<Database, 'run'> = {
    run: (...args) => (isBroken ? Promise.reject(new Error('too long')) : db.run(...args)),
  };
  const claimer = await claimerOf(breakable as Database, 60, 10);

  isBroken = true;
  await expect(claimer.claim(true, 5)).rejects.toThrow('too long');
  isBroken = false;

  expect(await claimer.claim(true, 5)).toHaveLength(25);
});
