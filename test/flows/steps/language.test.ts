import { expect, test } from 'vitest';
import type { JsonValue } from '../../../src/domain/json.ts';
import { compiled, endingOf, problemsIn, resultOf, run } from './run-flow.ts';

/** A flow of one echo step. */
const echo = (message: string) => `steps:\n  - type: echo\n    message: ${message}\n`;

const record = { name: 'Ann', n: 3, flag: false, none: null, list: [1, 'two'], deep: { a: { b: 'c' } } };

test.each<[string, JsonValue]>([
  ['"Hello {{ record.name }}"', 'Hello Ann'],
  ['"{{ record.n }}"', 3],
  ['"{{ record.flag }}"', false],
  ['"{{ record.none }}"', null],
  ['"{{ item }}"', record],
  ['"{{ source.list }}"', [1, 'two']],
  ['"{{ record.deep.a.b | uppercase }}"', 'C'],
  ['"{{ record.list[1] }}"', 'two'],
  ['"a {{ record.list }} b {{ record.none }} c {{ record.flag }}"', 'a [1,"two"] b  c false'],
  ['"{{ record.missing | default(\\"-\\") }}"', '-'],
  ['"{{ record.missing | default: \'x\' }}"', 'x'],
  ['"{{ record.n | plus: 1 }}"', 4],
  ['{ a: "{{ record.n }}", b: ["{{ record.name }}", 1, true, null] }', { a: 3, b: ['Ann', 1, true, null] }],
  ['{ a: "{{ record.missing | omit_if_null }}", b: 1 }', { b: 1 }],
  ['"{{ batch.id }} {{ batch.index }} {{ batch.total }}"', '0190-job 7 10'],
  ['"{{ params.who }}"', 'you'],
  ['{{ record.n }}', 3],
  ['plain text', 'plain text'],
  ['12', 12],
])('%s is %j', async (message, expected) => {
  expect(await resultOf(echo(message), record, { params: { who: 'you' } })).toEqual(expected);
});

test('what a record holds is never a template', async () => {
  const hostile = { a: '{{ 7 | times: 7 }} {% raw %}', constructor: 'c' };

  const result = await resultOf(echo('["{{ record.a }}", "<{{ record.a }}>"]'), hostile);

  expect(result).toEqual([hostile.a, `<${hostile.a}>`]);
});

test('a field that is not there fails the record and names the fields there are', async () => {
  const { failure } = await run(echo('"{{ record.nmae }}"'), { name: 'Ann', n: 1 });

  expect(failure).toMatchObject({
    class: 'data',
    code: 'undefined_name',
    message: 'message: record.nmae is not there',
  });
  expect(failure?.untrustedMessage).toBe('the record has a field "name"');
});

test('later steps see earlier ones, and the last one gives the result', async () => {
  const flow = `
steps:
  - name: clean
    type: transform
    mapping: { name: record.name | trim | uppercase, missing: record.nothing }
  - name: greet
    type: echo
    message: "Hello {{ steps.clean.result.name }}"
    outputs: greeting
  - name: twice
    type: echo
    message: "{{ greeting }}! {{ greeting }}!"
`;
  expect(await resultOf(flow, { name: ' ann ' })).toBe('Hello ANN! Hello ANN!');
});

test('steps may be a map, in order', async () => {
  const flow = `
steps:
  one: { task: echo, inputs: { message: "{{ record.n }}" } }
  two: { task: echo, inputs: { message: "{{ steps.one.result | plus: 1 }}" } }
`;
  expect(await resultOf(flow, { n: 1 })).toBe(2);
});

test('output makes the result of the record', async () => {
  const flow = `
steps:
  - { name: one, type: echo, message: 1 }
  - { name: two, type: echo, message: 2 }
output: { both: ["{{ steps.one.result }}", "{{ steps.two.result }}"], of: "{{ record.id }}" }
`;
  expect(await resultOf(flow, { id: 'a' })).toEqual({ both: [1, 2], of: 'a' });
});

test.each<[string, boolean]>([
  ['record.n > 2', true],
  ['record.n > 3', false],
  ['record.name == "Ann" && !record.flag', true],
  ['has(record.missing)', false],
  ['record.n + 1 == 4.0', true],
  ['double(record.n) == 3', true],
  ['double(record.n) == 4', false],
  ['3 == double(record.n)', true],
  ['double(record.n) != 3', false],
  ['double(record.n) / 2 != 1', true],
  ['double(record.n) in [3.0, 4]', true],
  ['record.n % 2 == 1', true],
  ['record.n % record.n == 0.0', true],
  ['0 % record.n < 1', true],
  ['record.list.exists(x, x == "two")', true],
  ['size(record.list) == 2', true],
  ['record.none == null', true],
  ['"An" in ["An"] || false', true],
  ['steps.first.result == 1', true],
  ['false', false],
])('when: %s is %s', async (when, runs) => {
  const flow = `
steps:
  - { name: first, type: echo, message: 1 }
  - { name: second, type: echo, message: 2, when: '${when}' }
`;
  expect(await resultOf(flow, record)).toBe(runs ? 2 : 1);
});

test('a step that was skipped has the result null', async () => {
  const flow = `
steps:
  - { name: first, type: echo, message: 1, when: "false" }
  - { name: second, type: echo, message: "{{ steps.first.result }} {{ steps.first.status }}" }
`;
  expect(await resultOf(flow)).toBe(' skipped');
});

test('a condition that compares a text with a number says how to mend it', async () => {
  const { failure } = await run(`steps:\n  - { type: echo, message: 1, when: record.total > 10 }\n`, {
    total: '12',
  });

  expect(failure).toMatchObject({ class: 'data', code: 'condition_failed', step: 'step_1' });
  expect(failure?.message).toContain('write double(record.field)');
});

test.each([
  [
    'record.total > 10',
    'a text > a number means nothing; a field of the record is a text: write double(record.field)',
  ],
  [
    'record.nothing < 10',
    'null < a number means nothing; a field of the record is null: ask record.field != null first',
  ],
  [
    'record.text > timestamp("2026-01-31T00:00:00Z")',
    'a text > a time means nothing; a field of the record is a text: write timestamp(record.field)',
  ],
  ['record.b == null', 'record.b is not there; has(record.b) asks whether it is'],
  ['record.deep.b.c == 1', 'record.deep.b is not there; has(record.deep.b) asks whether it is'],
  ['record.list[3] == 1', 'a list has no item at this position'],
  ['size(record.n) > 1', 'size does not take these values'],
  ['double(record.text) > 1.0', 'the value is none that double() can read'],
  ['record.n && true', '&&, ||, ! and ? : take true or false; compare the value with something'],
])('a condition that cannot be decided says why in words of its own: %s', async (when, why) => {
  const payload = { total: '12', nothing: null, deep: {}, list: [1], n: 5, text: 'x' };
  const { failure } = await run(`steps:\n  - { type: echo, message: 1, when: '${when}' }\n`, payload);

  expect(failure?.message).toBe(`when: ${when} cannot be decided: ${why}`);
  expect(failure).not.toHaveProperty('untrustedMessage');
});

test('a key that a record names appears only in the untrusted part of a failure', async () => {
  const when = 'record[record.a] == 1';
  const { failure } = await run(`steps:\n  - { type: echo, message: 1, when: '${when}' }\n`, { a: 'evil' });

  expect(failure).toMatchObject({ untrustedMessage: 'evil' });
  expect(failure?.message).not.toContain('evil');
});

test('a condition that is no truth value fails the record', async () => {
  const { failure } = await run(`steps:\n  - { type: echo, when: record.n }\n`, record);

  expect(failure?.code).toBe('condition_not_boolean');
});

const failing = '{ name: bad, type: fail, message: "no", code: refused';

test('on_error: fail ends the record, and is what a step does that says nothing', async () => {
  for (const onError of ['', ', on_error: fail', ', on_error: { action: fail }']) {
    const { failure } = await run(`steps:\n  - ${failing}${onError} }\n  - { type: echo, message: after }\n`);

    expect(failure).toMatchObject({ class: 'data', code: 'refused', message: 'no', step: 'bad' });
  }
});

test('on_error: continue goes on with null and the error in sight', async () => {
  const flow = `
steps:
  - ${failing}, on_error: continue }
  - type: echo
    message: "{{ steps.bad.result }}|{{ steps.bad.status }}|{{ steps.bad.error }}"
`;
  expect(await resultOf(flow)).toBe('|failed|no');
});

test('on_error: skip goes on as if the step had not been there', async () => {
  const flow = `
steps:
  - { name: first, type: echo, message: 1 }
  - ${failing}, on_error: skip }
`;
  expect(await resultOf(flow)).toBe(1);
});

test('on_error may be a step, which sees the error', async () => {
  const flow = `
steps:
  - name: bad
    type: fail
    message: "no {{ record.id }}"
    code: refused
    on_error: { task: echo, inputs: { message: "{{ error }} ({{ failure.code }})" } }
  - { type: echo, message: "{{ steps.bad.result }}" }
`;
  expect(await resultOf(flow, { id: 5 })).toBe('the flow failed the record (refused): no 5 (refused)');
});

test('for_each takes every item of a list through the step, in order', async () => {
  const flow = `
steps:
  - name: each
    type: echo
    for_each: "{{ record.lines }}"
    max_parallel: 3
    message: "{{ index }}:{{ item.sku }} of {{ record.id }}"
`;
  const lines = [{ sku: 'a' }, { sku: 'b' }, { sku: 'c' }, { sku: 'd' }];

  expect(await resultOf(flow, { id: 1, lines })).toEqual(['0:a of 1', '1:b of 1', '2:c of 1', '3:d of 1']);
});

test.each([
  ['continue', ['a', null, 'c']],
  ['skip', ['a', 'c']],
  ['{ type: echo, message: "instead of {{ item }}" }', ['a', 'instead of b', 'c']],
])('on_error: %s holds for each item of a loop', async (onError, expected) => {
  const flow = `
steps:
  - name: each
    type: switch
    for_each: [a, b, c]
    cases: [{ when: item == "b", step: { type: fail } }]
    default: { type: echo, message: "{{ item }}" }
    on_error: ${onError}
`;
  expect(await resultOf(flow)).toEqual(expected);
});

test('what a loop goes over has to be a list', async () => {
  const { failure } = await run(
    `steps:\n  - { type: echo, for_each: "{{ record.name }}", message: 1 }\n`,
    record,
  );

  expect(failure).toMatchObject({
    class: 'data',
    code: 'list_expected',
    message: 'for_each: this is no list',
  });
});

test('an unquoted place that names no other thing is a parameter, or a field of the record', async () => {
  const flow =
    'steps:\n  - { type: batch, items: {{ input_records }}, task: { type: echo, message: "{{ item }}" } }\n';

  expect(await resultOf(flow, { input_records: [1] })).toMatchObject({ results: [1] });
  expect(await resultOf(flow, {}, { params: { input_records: [2] } })).toMatchObject({ results: [2] });
  expect((await run(flow, {})).failure?.code).toBe('undefined_name');
});

test('a switch runs the first case that fits', async () => {
  const flow = (cases: string) => `steps:\n  - type: switch\n    ${cases}\n`;
  const byValue = flow(
    '{ on: record.c, cases: { DE: { type: echo, message: de }, 7: { type: echo, message: n } } }',
  )
    .replace('{ on', 'on')
    .replace(' } }\n', ' }\n')
    .replace(', cases:', '\n    cases:');
  expect(await resultOf(byValue, { c: 'DE' })).toBe('de');
  expect(await resultOf(byValue, { c: 7 })).toBe('n');
  expect(await resultOf(byValue, { c: 'XX' })).toBe(null);
  const strict = `${byValue}    otherwise: fail\n`;
  expect((await run(strict, { c: 'XX' })).failure?.code).toBe('no_case');
});

test('steps inside a case see those outside, and their names stay inside', async () => {
  const flow = `
steps:
  - { name: first, type: echo, message: 1 }
  - name: choose
    type: switch
    cases:
      - when: record.n == 3
        steps:
          - { name: inner, type: echo, message: "{{ steps.first.result | plus: 1 }}" }
          - { name: last, type: echo, message: "{{ steps.inner.result | plus: 1 }}" }
  - { type: echo, message: "{{ steps.choose.result }}" }
`;
  expect(await resultOf(flow, record)).toBe(3);
});

test('a variable of the environment may miss when each place that reads it says what to take instead', () => {
  const { needs } = compiled(
    echo(
      `['{{ env.A | default("a") }}', '{{ coalesce(env.B, env.C) }}', '{{ env.D | default(1) | required }}', "{{ env.E | trim }}", '{{ env.F | omit_if_null }}', "{{ env.F }}"]`,
    ),
  );

  expect(needs.variables).toEqual(['A', 'B', 'C', 'D', 'E', 'F']);
  expect(needs.mayMiss).toEqual(['A', 'B', 'C', 'D']);
});

test.each([
  ['double(record.n) in [5, 6]', 'a number in a list means nothing; write the numbers of the list as 5.0'],
  ['int(record.n) in [5.5, 6.5]', 'a number in a list means nothing; write the numbers of the list as 5'],
  ['duration("1h") > 5', 'a duration > a number means nothing'],
])('a condition whose parts are of two kinds is refused, and says how to mend it: %s', (when, why) => {
  const problems = problemsIn(`steps:\n  - { type: echo, message: 1, when: '${when}' }\n`);

  expect(problems.join()).toContain(`does not fit together: ${why}`);
});

test('a whole number that no double holds stays as it is', async () => {
  const records = ['9007199254740993', '42'].map((id, index) => ({
    ...{ index, id: null, status: 'succeeded' as const, payload: { id }, result: null, error: null },
  }));
  const flow = 'steps: [{ type: echo }]\nfinally: [{ type: aggregate, collect: { ids: int(record.id) } }]\n';

  expect(await endingOf(flow, records)).toMatchObject({ collect: { ids: ['9007199254740993', 42] } });
});
