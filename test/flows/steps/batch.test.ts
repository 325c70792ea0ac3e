import { expect, onTestFinished, test } from 'vitest';
import { groupKey } from '../../../src/domain/failure.ts';
import type { RecordStatus } from '../../../src/domain/record.ts';
import { startTarget, status } from '../../support/target.ts';
import { endingOf, problemsIn, resultOf, run } from './run-flow.ts';

const batch = (settings: string, task = '{ type: echo, message: "<{{ item }}>" }') =>
  `steps:\n  - { name: loop, task: batch, inputs: { ${settings}, task: ${task} } }\n`;

const failB =
  '{ type: switch, cases: [{ when: item == "b", step: { type: fail, message: no b } }], default: { type: echo, message: "{{ item }}" } }';

test('takes each item through the task, and gives the results in the order of the items', async () => {
  expect(await resultOf(batch('items: [a, b, c], parallel: true, max_parallel: 2'))).toEqual({
    results: ['<a>', '<b>', '<c>'],
    failed: [],
    stats: { total: 3, processed: 3, failed: 0 },
  });
});

test('per: chunk hands over batch_size items at once', async () => {
  const flow = batch(
    'items: "{{ record.list }}", batch_size: 2, per: chunk',
    '{ type: echo, message: { n: "{{ item | size }}", first: "{{ item[0] }}", index: "{{ index }}" } }',
  );

  expect(await resultOf(flow, { list: [1, 2, 3] })).toEqual({
    results: [
      { n: 2, first: 1, index: 0 },
      { n: 1, first: 3, index: 1 },
    ],
    failed: [],
    stats: { total: 3, processed: 3, failed: 0 },
  });
});

test('an empty list has no results', async () => {
  expect(await resultOf(batch('items: []'))).toMatchObject({ results: [], stats: { total: 0 } });
});

test('says nothing about failures: all items are tried, then the step fails', async () => {
  const { failure } = await run(batch('items: [a, b, c]', failB));

  expect(failure).toMatchObject({
    class: 'data',
    code: 'step_failed',
    message: '1 of 3 items failed, the one at index 1 with: no b',
    step: 'loop',
  });
});

test('continue_on_error: true lists what failed', async () => {
  expect(await resultOf(batch('items: [a, b, c], continue_on_error: true', failB))).toEqual({
    results: ['a', null, 'c'],
    failed: [{ index: 1, item: 'b', error: { class: 'data', code: 'step_failed', message: 'no b' } }],
    stats: { total: 3, processed: 2, failed: 1 },
  });
});

test('continue_on_error: false begins nothing after the first failure', async () => {
  const target = await startTarget({ answer: (hit) => (hit.path === '/b' ? status(422) : { kind: 'ok' }) });
  onTestFinished(() => target.close());
  const task = `{ type: http_request, url: "${target.url}/{{ item }}" }`;

  const { failure } = await run(batch('items: [a, b, c, d], continue_on_error: false', task));

  expect(failure?.code).toBe('http_422');
  expect(target.hits.map(({ path }) => path)).toEqual(['/a', '/b']);
});

test('on_item_error runs with the item and the error, and its result takes the place', async () => {
  const handler =
    'on_item_error: { task: echo, inputs: { message: "Failed to process {{ item }}: {{ error }}" } }';

  expect(await resultOf(batch(`items: [a, b], continue_on_error: true, ${handler}`, failB))).toMatchObject({
    results: ['a', 'Failed to process b: no b'],
    failed: [{ index: 1 }],
  });
});

test('an item whose on_item_error fails as well is listed once', async () => {
  const handler = 'on_item_error: { type: fail, message: no help either }';

  expect(await resultOf(batch(`items: [a, b], ${handler}`, failB))).toEqual({
    results: ['a', null],
    failed: [
      { index: 1, item: 'b', error: { class: 'data', code: 'step_failed', message: 'no help either' } },
    ],
    stats: { total: 2, processed: 1, failed: 1 },
  });
});

test('no more run at once than max_parallel says, and as many as that', async () => {
  const target = await startTarget({ answer: () => ({ kind: 'ok', delayMs: 50 }) });
  onTestFinished(() => target.close());
  const task = `{ type: http_request, url: "${target.url}/{{ item }}" }`;

  await resultOf(batch('items: [1, 2, 3, 4, 5, 6, 7, 8], parallel: true, max_parallel: 3', task));
  expect(target.peakInFlight).toBe(3);
  await resultOf(batch('items: [1, 2, 3, 4], parallel: false', task));
  expect(target.hits).toHaveLength(12);
});

test('files are found by a pattern, also as people write it for a shell', async () => {
  const glob = async (pattern: string) => [`/data/${pattern}`];

  for (const items of ['"glob:*.csv"', '{ glob: "*.csv" }', '$(ls *.csv)']) {
    expect(await resultOf(batch(`items: ${items}`), {}, { glob })).toMatchObject({
      results: ['</data/*.csv>'],
    });
  }
  expect(problemsIn(batch('items: $(cat list.txt)'))).toEqual([
    expect.stringContaining('runs no command to get a list'),
  ]);
});

test('loops nest, and inner items hide outer ones', async () => {
  const inner =
    '{ type: batch, items: "{{ item }}", task: { type: echo, message: "{{ item }}.{{ index }}" } }';

  expect(await resultOf(batch('items: "{{ record.m }}"', inner), { m: [[1, 2], [3]] })).toMatchObject({
    results: [{ results: ['1.0', '2.1'] }, { results: ['3.0'] }],
  });
});

const finished = (index: number, statusOf: RecordStatus, total: number, country: string | null) => ({
  index,
  id: null,
  status: statusOf,
  payload: { country },
  result: { total },
  error: null,
});

test('finally sums up the finished records of a job', async () => {
  const flow = `
steps: [{ type: echo }]
finally:
  - name: totals
    type: aggregate
    where: status == "succeeded"
    group_by: record.country
    sum: { total: result.total }
    average: { total: result.total }
    collect: { at: index }
  - { name: all, type: aggregate, max: { total: result.total } }
  - type: echo
    message: { text: "{{ counts.total }} {{ job.status }}", groups: "{{ steps.totals.result.groups }}", all: "{{ steps.all.result }}" }
`;
  const records = [
    finished(0, 'succeeded', 1, 'DE'),
    finished(1, 'failed', 9, 'DE'),
    finished(2, 'succeeded', 3, 'DE'),
    finished(3, 'succeeded', 5, 'FR'),
    finished(4, 'succeeded', 7, null),
  ];

  expect(await endingOf(flow, records)).toEqual({
    text: '5 completed_with_errors',
    groups: [
      { key: 'DE', count: 2, sum: { total: 4 }, average: { total: 2 }, collect: { at: [0, 2] } },
      { key: 'FR', count: 1, sum: { total: 5 }, average: { total: 5 }, collect: { at: [3] } },
      { key: null, count: 1, sum: { total: 7 }, average: { total: 7 }, collect: { at: [4] } },
    ],
    all: { count: 5, max: { total: 9 } },
  });
});

test('an aggregate over no records has all its columns', async () => {
  const flow = `
steps: [{ type: echo }]
finally:
  - type: aggregate
    sum: { a: result.total }
    min: { a: result.total }
    average: { a: result.total }
    collect: { a: index }
`;

  expect(await endingOf(flow, [])).toEqual({
    count: 0,
    sum: { a: 0 },
    min: { a: null },
    average: { a: null },
    collect: { a: [] },
  });
});

test('a count that does not exist is refused when the flow is loaded', () => {
  expect(
    problemsIn('steps: [{ type: echo }]\nfinally: [{ type: echo, message: "{{ counts.sucess }}" }]\n'),
  ).toEqual([expect.stringContaining('counts has no "sucess" here')]);
});

test('failures of a loop that differ in the item alone are one group', async () => {
  const failed = async (items: string) => (await run(batch(`items: ${items}`, failB))).failure;

  const [first, second] = [await failed('[b, a]'), await failed('[a, a, b]')];

  expect(second?.message).toContain('the one at index 2');
  expect(first && groupKey(first)).toBe(second && groupKey(second));
});

test('a failure of a for_each names the item as its step, and those of other items are in its group', async () => {
  const failed = async (items: string) => {
    const each = `name: each, type: echo, for_each: ${items}, message: "{{ item | required }}"`;
    return (await run(`steps: [{ ${each} }]\n`)).failure;
  };

  const [first, second] = [await failed('["", a]'), await failed('[a, ""]')];

  expect([first?.step, second?.step]).toEqual(['each[0]', 'each[1]']);
  expect(first && groupKey(first)).toBe(second && groupKey(second));
});
