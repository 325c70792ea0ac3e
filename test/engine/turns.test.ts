import { describe, expect, test } from 'vitest';
import type { ClaimedRecord } from '../../src/domain/record.ts';
import { Turns } from '../../src/engine/turns.ts';

const recordAt = (index: number): ClaimedRecord => ({
  index,
  id: null,
  payload: null,
  revision: 0,
  claim: 0,
  tries: 0,
  wave: 0,
  isFresh: true,
});

const recordsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, n) => recordAt(first + n));

/** Turns whose runs last until they are ended by the index of their record. */
function openTurns(concurrency: number) {
  const started: number[] = [];
  const ends = new Map<number, () => void>();
  const turns = new Turns({
    concurrency,
    size: 1,
    run: ([record]) => {
      const { index } = record!;
      started.push(index);
      return new Promise((resolve) => ends.set(index, resolve));
    },
    lowWater: () => 0,
    onLow: () => {},
  });
  const end = async (...indexes: readonly number[]) => {
    for (const index of indexes) {
      ends.get(index)!();
      ends.delete(index);
    }
    await new Promise(setImmediate);
  };
  return { turns, started, running: () => [...ends.keys()], end };
}

describe('the turns of records', () => {
  test('as many run as may, and the next one in order follows the first that ends', async () => {
    const { turns, started, running, end } = openTurns(2);
    turns.add(recordsFrom(0, 5), false);
    expect(running()).toEqual([0, 1]);
    await end(1);
    expect(running()).toEqual([0, 2]);
    await end(0, 2);
    await end(3, 4);
    await turns.onIdle();
    expect(started).toEqual([0, 1, 2, 3, 4]);
    expect(turns.areNone).toBe(true);
  });

  test('a higher concurrency starts more at once, a lower one lets turns end', async () => {
    const { turns, running, end } = openTurns(1);
    turns.add(recordsFrom(0, 8), false);
    turns.concurrency = 3;
    expect(running()).toEqual([0, 1, 2]);
    turns.concurrency = 2;
    await end(0);
    expect(running()).toEqual([1, 2]);
    await end(1);
    expect(running()).toEqual([2, 3]);
    turns.concurrency = 4;
    expect(running()).toEqual([2, 3, 4, 5]);
  });

  const moments = Array.from({ length: 12 }, (_, steps) => steps);

  test.each(moments)('records that come %i steps after the end of the last run are run', async (steps) => {
    const { turns, started, end } = openTurns(1);
    turns.add(recordsFrom(0, 1), false);
    const ended = end(0);
    for (let step = 0; step < steps; step++) await undefined;
    turns.add(recordsFrom(1, 1), false);
    await ended;
    await end(1);
    expect(started).toEqual([0, 1]);
    expect(turns.areNone).toBe(true);
  });

  test.each(moments)(
    'records that come %i steps after the end of the last run can be taken back for others',
    async (steps) => {
      const { turns, started, end } = openTurns(1);
      turns.add(recordsFrom(0, 1), false);
      const ended = end(0);
      for (let step = 0; step < steps; step++) await undefined;
      turns.add(recordsFrom(1, 2), false);
      const taken = turns.takeBack().map(({ index }) => index);
      turns.add(recordsFrom(3, 1), false);
      await ended;
      if (!taken.includes(1)) await end(1);
      await end(3);
      expect([...started, ...taken].sort()).toEqual([0, 1, 2, 3]);
    },
  );

  test('what has not started can be taken back, and others run in its place', async () => {
    const { turns, started, running, end } = openTurns(2);
    turns.add(recordsFrom(0, 5), false);
    expect(turns.takeBack().map(({ index }) => index)).toEqual([2, 3, 4]);
    expect([turns.ready, turns.underWay]).toEqual([0, 2]);
    await end(0, 1);
    turns.add(recordsFrom(5, 3), false);
    expect(running()).toEqual([5, 6]);
    await end(5, 6);
    await end(7);
    expect(started).toEqual([0, 1, 5, 6, 7]);
    expect(turns.areNone).toBe(true);
  });
});
