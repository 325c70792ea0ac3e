import { expect, test } from 'vitest';
import { endingOf } from './run-flow.ts';

test('a sum leaves out blank texts and says when it becomes too large', async () => {
  const flow = (column: string) =>
    `steps: [{ type: echo }]\nfinally: [{ name: sums, type: aggregate, ${column}: { all: result } }]\n`;
  const records = ['', ' ', '2', 3, null].map((result, index) => ({
    ...{ index, id: null, status: 'succeeded' as const, payload: {}, error: null },
    result,
  }));

  expect(await endingOf(flow('average'), records)).toMatchObject({ average: { all: 2.5 } });
  const huge = [1e308, 1e308].map((result, index) => ({ ...records[0]!, index, result }));
  await expect(endingOf(flow('sum'), huge)).rejects.toMatchObject({
    failure: { class: 'data', code: 'number_too_large', step: 'sums' },
  });
});

test('a sum of amounts is the one that a person finds, however many they are', async () => {
  const flow = 'steps: [{ type: echo }]\nfinally: [{ name: sums, type: aggregate, sum: { all: result } }]\n';
  const records = Array.from({ length: 10_000 }, (_, index) => ({
    ...{ index, id: null, status: 'succeeded' as const, payload: {}, error: null },
    result: index === 0 ? 1e12 : 0.1,
  }));

  expect(await endingOf(flow, records)).toMatchObject({ sum: { all: 1_000_000_000_999.9 } });
});

test('values of expressions are JSON', async () => {
  const flow = `
steps: [{ type: echo }]
finally:
  - type: aggregate
    collect:
      time: timestamp("2026-01-31T00:00:00Z")
      map: '{"a": 1, "b": [2u, duration("90s")]}'
      none: record.?missing
      some: record.?a
`;
  const record = {
    index: 0,
    id: null,
    status: 'succeeded' as const,
    payload: { a: [1] },
    result: 1,
    error: null,
  };

  expect(JSON.parse(JSON.stringify(await endingOf(flow, [record])))).toMatchObject({
    collect: {
      time: ['2026-01-31T00:00:00.000Z'],
      map: [{ a: 1, b: [2, 90_000] }],
      none: [null],
      some: [[1]],
    },
  });
});

test.each<[number[], number, number]>([
  [[0.1, 0.2], 0.3, 0.15],
  [[100.1, -100], 0.1, 0.05],
  [[10, 0, 0], 10, 3.33333333333333],
  [[1e-7, 2e-7], 3e-7, 1.5e-7],
  [[92345678901234.59], 92345678901234.59, 92345678901234.6],
  [[9007199254740991, 0], 9007199254740991, 4503599627370495.5],
])('sums and means of %j show no dust of binary fractions, and keep their digits', async (all, sum, mean) => {
  const sums = 'sum: { all: result }, average: { all: result }';
  const flow = `steps: [{ type: echo }]\nfinally: [{ name: sums, type: aggregate, ${sums} }]\n`;
  const records = all.map((result, index) => ({
    ...{ index, id: null, status: 'succeeded' as const, payload: {}, error: null },
    result,
  }));

  const found = (await endingOf(flow, records)) as { sum: { all: number }; average: { all: number } };

  expect([found.sum.all, found.average.all]).toEqual([sum, mean]);
});
