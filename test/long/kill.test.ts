import { expect } from 'vitest';
import { test } from '../faults/arena.ts';
import { killRepeatedly } from '../faults/kill-rounds.ts';
import { expectAllDone, repeatedCalls } from '../faults/witness.ts';

const records = 10_000;
const kills = 100;
const concurrency = 10;

test('a server killed a hundred times loses none of ten thousand records', async ({ arena }) => {
  const { batchJobId, takeOvers, contradictions } = await killRepeatedly(arena, {
    records,
    kills,
    concurrency,
  });

  await expectAllDone(arena, batchJobId, records);
  expect(contradictions).toEqual([]);
  expect(repeatedCalls(arena.target)).toBeLessThanOrEqual(2 * concurrency * kills);
  console.log(`${repeatedCalls(arena.target)} repeated calls in ${kills} kills`);
  console.log(`slowest take-over ${Math.round(Math.max(...takeOvers))} ms at a lease of 1000 ms`);
  expect(Math.max(...takeOvers)).toBeLessThanOrEqual(1000 + 2000);
});
