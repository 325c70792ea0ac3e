import { expect, test } from 'vitest';
import type { ClaimedRecord } from '../../src/domain/record.ts';
import { cutRuns } from '../../src/engine/cut-runs.ts';

/** Records that have been tried, by index; `broken`: the runs that broke, each kept by its first record. */
function claimed(indexes: readonly number[], ...broken: (readonly number[])[]): ClaimedRecord[] {
  return indexes.map((index) => {
    const run = broken.find(([first]) => first === index);
    const progress = run && { results: {}, indexes: run };
    const fixed = { id: null, payload: null, revision: 0, claim: 1, tries: 1, wave: 0, isFresh: false };
    return { ...fixed, index, progress };
  });
}

const untried = (...indexes: number[]): ClaimedRecord[] =>
  claimed(indexes).map((record) => ({ ...record, tries: 0 }));

const indexesOf = (records: readonly ClaimedRecord[]) => records.map(({ index }) => index);

function cut(records: readonly ClaimedRecord[], more = false, waited = 0) {
  const { runs, rest } = cutRuns(records, { size: 3, more, waited });
  return { runs: runs.map(indexesOf), rest: indexesOf(rest) };
}

test('records of a run that broke make a run with no others, and those have runs of their own', () => {
  expect(cut(claimed([1, 4, 5, 7, 8, 9, 20], [4, 5, 8], [20]))).toEqual({
    runs: [[4, 5, 8], [1, 7, 9], [20]],
    rest: [],
  });
});

test('runs begin by the highest of their indexes', () => {
  expect(cut(claimed([1, 2, 3, 4, 5, 6, 30, 31], [30, 31])).runs).toEqual([
    [1, 2, 3],
    [4, 5, 6],
    [30, 31],
  ]);
});

test('a part of a run that broke waits once for the others', () => {
  const records = claimed([1, 4, 5], [4, 5, 8]);

  expect(cut(records, true)).toEqual({ runs: [[1]], rest: [4, 5] });
  expect(cut(records, true, 3)).toEqual({ runs: [[1, 4, 5]], rest: [] });
  expect(cut([...records, ...claimed([8])], true, 3)).toEqual({ runs: [[1], [4, 5, 8]], rest: [] });
  expect(cut(records)).toEqual({ runs: [[1, 4, 5]], rest: [] });
});

test('records that have not been tried are cut where they are without others', () => {
  const records = [...claimed([1, 2]), ...untried(10, 11, 12, 13)];

  expect(cut(records, true)).toEqual({
    runs: [
      [1, 2],
      [10, 11, 12],
    ],
    rest: [13],
  });
  expect(cut(records)).toEqual({ runs: [[1, 2], [10, 11, 12], [13]], rest: [] });
});

test('a run that broke when runs were larger is cut like any records', () => {
  expect(cut(claimed([1, 2, 3, 4], [1, 2, 3, 4])).runs).toEqual([[1, 2, 3], [4]]);
});
