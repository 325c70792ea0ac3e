import { Command } from 'commander';
import { expect, test } from 'vitest';
import { InputOptions, parameterNames, put } from '../../src/cli/input-options.ts';
import { checkInput } from '../../src/operations/check-input.ts';
import { operations } from '../../src/operations/operations.ts';
import { retryBatchFailedRecords } from '../../src/operations/retry-batch-failed-records.ts';
import { startBatch } from '../../src/operations/start-batch.ts';
import { updateBatch } from '../../src/operations/update-batch.ts';

function parse(operation: ConstructorParameters<typeof InputOptions>[0], args: string[]) {
  const options = new InputOptions(operation);
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const option of options.flags) command.addOption(option);
  command.parse(args, { from: 'user' });
  return options.inputFrom(command.opts());
}

test('a parameter inside an object is an option of its own name', () => {
  const input = parse(startBatch, ['--max-failures', '10', '--path', 'a.csv', '--no-continue-on-error']);

  expect(input).toEqual({
    batch: { max_failures: 10, continue_on_error: false },
    source: { path: 'a.csv' },
  });
});

test('null is passed on where it has a meaning', () => {
  expect(parse(updateBatch, ['--max-failures', 'null', '--rate', '5/s'])).toEqual({
    max_failures: null,
    rate: '5/s',
  });
});

test('nothing given is nothing passed on', () => {
  expect(parse(startBatch, [])).toEqual({});
});

test('a boolean is understood in both forms', () => {
  expect(parse(startBatch, ['--allow-repeat'])).toEqual({ allow_repeat: true });
  expect(parse(startBatch, ['--no-allow-repeat'])).toEqual({ allow_repeat: false });
  expect(parse(startBatch, ['--continue-on-error'])).toEqual({ batch: { continue_on_error: true } });
});

test('lists are separated by commas and typed by their elements', () => {
  const input = parse(retryBatchFailedRecords, [
    '--indexes',
    '1, 2',
    '--ids',
    'a,b',
    '--statuses',
    'skipped',
  ]);

  expect(input).toEqual({ select: { indexes: [1, 2], ids: ['a', 'b'], statuses: ['skipped'] } });
});

test('records are given as JSON', () => {
  expect(parse(startBatch, ['--records', '[{"a":1}]'])).toEqual({ records: [{ a: 1 }] });
});

test('params are given as a JSON object', () => {
  expect(parse(startBatch, ['--params', '{"a":{"b":1}}'])).toEqual({ params: { a: { b: 1 } } });
});

test.each([
  ['--concurrency', 'many'],
  ['--concurrency', ''],
  ['--format', 'xlsx'],
  ['--records', '[{]'],
  ['--params', 'region=eu'],
])('%s %s is refused before anything starts', (flag, value) => {
  expect(() => parse(startBatch, [flag, value])).toThrow(flag);
});

test('an option may have another name than its parameter', () => {
  const [option] = new InputOptions(startBatch, { rename: { flow_id: 'flow' } }).all;

  expect(option?.path).toEqual(['flow_id']);
  expect(option?.options[0]?.long).toBe('--flow');
});

test.each(operations.map((operation) => [operation.name, operation] as const))(
  'every parameter of %s has an option, and no two the same',
  (_, operation) => {
    const options = new InputOptions(operation);
    const flags = options.flags.map(({ long }) => long);

    expect(new Set(flags).size).toBe(flags.length);
    expect(flags).not.toContain('--json');
    expect(options.all.map(({ path }) => path.at(-1))).toEqual(parameterNames(operation));
  },
);

test('what the options make is what the operation takes', () => {
  const input = parse(startBatch, [
    '--flow-id',
    'f',
    '--path',
    'a.csv',
    '--concurrency',
    '3',
    '--label',
    'x',
  ]);

  expect(checkInput(startBatch, input)).toEqual({
    flow_id: 'f',
    source: { path: 'a.csv' },
    concurrency: 3,
    label: 'x',
  });
});

test('a value is put beside what an object holds already', () => {
  const input = { source: { format: 'csv' } };

  put(input, ['source', 'path'], 'a');

  expect(input).toEqual({ source: { format: 'csv', path: 'a' } });
});
