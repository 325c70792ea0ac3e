import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../../../src/domain/json.ts';
import { variablesIn, variablesThatMayMiss, wordsIn } from '../../../src/flows/steps/python-names.ts';
import { hasPython } from '../../connectors/programs/programs-under-test.ts';
import { compiled, problemsIn, resultOf, run } from './run-flow.ts';

/** A flow of one snippet; `settings` are further lines of YAML. */
const flow = (code: string, ...settings: string[]) =>
  [
    'steps:',
    '  - name: go',
    '    type: python',
    ...settings.map((line) => `    ${line}`),
    '    code: |',
    code.replace(/^/gm, '      '),
    '',
  ].join('\n');

describe.runIf(hasPython)('a snippet', () => {
  test('splits parameters into batches, which another step multiplies', async () => {
    const text = `
steps:
  split_into_batches:
    type: python
    inputs:
      code: |
        numbers = params['numbers']
        batch_size = params['batch_size']
        batches = [numbers[i:i + batch_size] for i in range(0, len(numbers), batch_size)]
        result = batches

  process_batches:
    type: python
    for_each: "{{ steps.split_into_batches.result }}"
    inputs:
      operation: multiply
      item: "{{ item }}"
      factor: 2
    retry:
      max_attempts: 3
      delay: 5
`;
    expect(await resultOf(text, {}, { params: { numbers: [1, 2, 3, 4, 5], batch_size: 2 } })).toEqual([
      [2, 4],
      [6, 8],
      [10],
    ]);
  });

  test('transforms a chunk of a list', async () => {
    const text = `
steps:
  - name: transform_records
    task: batch
    inputs:
      items: {{ record.input_records }}
      batch_size: 100
      per: chunk
      task:
        type: python
        code: |
          def transform_record(record):
              return {
                  'id': record['id'],
                  'name': record['name'].upper(),
                  'score': float(record['score']),
                  'grade': 'A' if float(record['score']) >= 90 else 'B'
              }

          # Transform batch of records
          return [transform_record(r) for r in item]
    outputs: transformed_data
`;
    const input_records = [
      { id: 1, name: 'Ann', score: '91' },
      { id: 2, name: 'Bob', score: 3 },
    ];
    expect(await resultOf(text, { input_records })).toMatchObject({
      results: [
        [
          { id: 1, name: 'ANN', score: 91, grade: 'A' },
          { id: 2, name: 'BOB', score: 3, grade: 'B' },
        ],
      ],
    });
    const { failure } = await run(text.replace('      per: chunk\n', ''), { input_records });
    expect(failure?.message).toBe(
      '2 of 2 items failed, the one at index 0 with: python: TypeError in line 3; item is one item here; per: chunk hands over the list',
    );
  });

  test.each<[code: string, JsonValue]>([
    ['[record.name, source.name, item.name]', ['Ann', 'Ann', 'Ann']],
    ['steps.before.result', 'Ann!'],
    ['greeting', 'Ann!'],
    ['[batch.id, batch.index, batch.total, index]', ['0190-job', 7, 10, 7]],
    ['params.who', 'you'],
    ['inputs["who"] + inputs.what', 'Annwhat'],
    ['inputs', { who: 'Ann', what: 'what', deep: { list: ['Ann'] } }],
    ['"items" in globals()', false],
  ])('sees %s', async (expression, expected) => {
    const before =
      'steps:\n  - { name: before, type: echo, message: "{{ record.name }}!", outputs: greeting }\n';
    const inputs = 'inputs: { who: "{{ record.name }}", what: what, deep: { list: ["{{ record.name }}"] } }';
    const text = before + flow(`return ${expression}`, inputs).replace('steps:\n', '');

    expect(await resultOf(text, { name: 'Ann' }, { params: { who: 'you' } })).toEqual(expected);
  });

  test('sees the item of a loop and its position', async () => {
    const text = flow('return [item, index, record.a]', 'for_each: ["x", "y"]');

    expect(await resultOf(text, { a: 1 })).toEqual([
      ['x', 0, 1],
      ['y', 1, 1],
    ]);
  });

  test('sees an input named item in place of the item', async () => {
    expect(await resultOf(flow('return item', 'inputs: { item: "{{ record.a }}" }'), { a: 5 })).toBe(5);
  });

  test('sees the records of a chunk as items', async () => {
    const text = `size: 2\n${flow('return [r.a for r in items]')}`;

    expect(await resultOf(text, [{ a: 1 }, { a: 2 }], { indexes: [0, 1] })).toEqual([1, 2]);
  });

  test('sees environment variables that it names, and repeats none of them', async () => {
    const env = { DB_URL: 'postgres://secret', OTHER: 'not for it' };
    const text = flow('name = "OTHER"\nreturn [len(env.DB_URL), env.get(name), [env["DB_URL"]]]');

    expect(await resultOf(text, {}, { env })).toEqual([17, null, ['[secret]']]);
    expect(compiled(text).needs.variables).toEqual(['DB_URL']);
  });

  test('has no places that are filled', async () => {
    expect(await resultOf(flow('return "{{ record.a }}" + f"{{{item.a}}}"'), { a: 1 })).toBe(
      '{{ record.a }}{1}',
    );
  });

  test('ends with the time limit of its step', async () => {
    const { failure } = await run(flow('while True: pass', 'timeout: 200ms', 'retry: none'));

    expect(failure).toMatchObject({
      class: 'transient',
      code: 'step_timeout',
      step: 'go',
      maybeApplied: true,
    });
  });
});

test('a flow with a snippet says that it runs programs', () => {
  const { needs, hasEffects, summary } = compiled(flow('return 1'));

  expect(needs).toEqual({
    codeSteps: ['python'],
    variables: [],
    mayMiss: [],
    approval: ['runs Python code on this machine'],
  });
  expect(hasEffects).toBe(true);
  expect(summary).toBe('go (python)');
});

describe('an operation', () => {
  const operation = (...settings: string[]) =>
    ['steps:', '  - name: go', '    type: python', ...settings.map((line) => `    ${line}`)].join('\n');

  test.each<[settings: string[], payload: JsonValue, JsonValue]>([
    [['operation: multiply', 'factor: 2'], 4, 8],
    [
      ['operation: multiply', 'factor: "{{ record.f }}"', 'item: "{{ record.n }}"'],
      { n: ['0.1', 2], f: '3' },
      [0.3, 6],
    ],
    [['operation: divide', 'divisor: 4', 'item: "{{ record.n }}"'], { n: [1, 0] }, [0.25, 0]],
    [['operation: divide', 'divisor: 4', 'item: []'], {}, []],
  ])('%j of %j is %j', async (settings, payload, expected) => {
    expect(await resultOf(operation(...settings), payload)).toEqual(expected);
  });

  test.each<[settings: string[], payload: JsonValue, code: string, message: string]>([
    [['operation: divide', 'divisor: 0'], 1, 'division_by_zero', 'item is divided by zero'],
    [['operation: multiply', 'factor: 2'], ['a'], 'number_expected', 'item is not a number'],
    [
      ['operation: multiply', 'factor: "{{ record.f }}"', 'item: 1'],
      { f: null },
      'number_expected',
      'factor is not a number',
    ],
    [
      ['operation: multiply', 'factor: 10'],
      9007199254740991,
      'number_too_large',
      'item becomes too large to calculate',
    ],
  ])('%j of %j fails the record', async (settings, payload, code, message) => {
    expect((await run(operation(...settings), payload)).failure).toMatchObject({
      class: 'data',
      code,
      message,
      step: 'go',
    });
  });

  test('needs no permission to run programs', () => {
    expect(compiled(operation('operation: multiply', 'factor: 2'))).toMatchObject({
      hasEffects: false,
      needs: { codeSteps: [], approval: [] },
    });
  });

  test.each([
    [[], 'code needs either code or an operation'],
    [['operation: multiply'], 'factor is missing; name the number to multiply by'],
    [
      ['operation: divide', 'divisor: 2', 'factor: 2'],
      'factor is no key of operation: divide; it takes item and divisor',
    ],
    [
      ['operation: multiplyy', 'factor: 2'],
      'operation must be one of multiply, divide; did you mean "multiply"?',
    ],
    [['operation: multiply', 'factor: 2', 'code: x'], 'operation needs either code or an operation'],
  ])('%j is refused', (settings, problem) => {
    expect(problemsIn(operation(...settings)).join('\n')).toContain(problem);
  });
});

test.each<[code: string, readonly string[]]>([
  ['env.A + env["B"] + env[ \'C\' ] + env.get("D", 1) + env . E', ['A', 'B', 'C', 'D', 'E']],
  ['os.env.A; my_env.B; environ["C"]; env[name]', []],
  ['for k in env.keys(): env.items()', []],
  ['# env.A\n"env.B"\n"""\nenv.C\n"""\n\'it\\\'s env.D\'', []],
  ['f"{env.A} env.B {{env.C}}" + rf\'{{{env["D"]}}}\'', ['A', 'D']],
  ['"#" + env.A  # env.B', ['A']],
])('of %j the environment variables are %j', (code, names) => {
  expect(variablesIn(code)).toEqual(names);
});

test('a variable may miss when env.get is all that asks for it', () => {
  expect(
    variablesThatMayMiss('env.get("A", 1); f"{env.get(\'B\')}"; env.get("C"); env.C; env.D; env.get("D")'),
  ).toEqual(['A', 'B']);
});

test('the words of a snippet are all the names it could use', () => {
  expect([...wordsIn('größe = items[0]["x1"]')]).toEqual(['größe', 'items', 'x1']);
});
