import { expect } from 'vitest';
import { test } from '../faults/arena.ts';
import { RandomDay } from './random-day.ts';
import { contradictionsOf } from './random-verdict.ts';

/** SEED=7,8 sees these days again. */
const seeds = (process.env.SEED ?? '1,2,3,4,5,6').split(',').map(Number);
const steps = 30;

test.for(seeds)(
  'rows, counts and target agree after a day of random calls, kills and cuts: seed %i',
  async (seed, { arena }) => {
    const day = new RandomDay(arena, seed);
    await day.spend(steps);

    const contradictions = await contradictionsOf(day, arena);
    if (contradictions.length > 0) console.log(day.diary.join('\n'));
    expect(contradictions).toEqual([]);
    // Each refusal has a code, and none of them is a defect.
    expect(
      day.refusals.filter((refusal) => !/^[a-z_]+$/.test(refusal) || refusal === 'internal_error'),
    ).toEqual([]);
    expect(day.jobs.length).toBeGreaterThan(0);
  },
);
