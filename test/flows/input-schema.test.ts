import { expect, test } from 'vitest';
import { RecordFailure } from '../../src/domain/failure.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { compileFlow } from '../../src/flows/compile-flow.ts';
import { formatProblem } from '../../src/flows/flow-identity.ts';
import { linearPattern } from '../../src/flows/linear-pattern.ts';
import { cpuMs } from '../support/cpu-time.ts';
import { evaluate } from './evaluate.ts';

const compile = (input: string) =>
  compileFlow(`flow: checked\ntarget: echo\ninput:\n${input}`, 'checked.yaml');

function flowWith(input: string) {
  const compiled = compile(input);
  if ('problems' in compiled) throw new Error(compiled.problems.map(formatProblem).join('\n'));
  return compiled.flow;
}

function problemsOf(input: string): string[] {
  const compiled = compile(input);
  return 'problems' in compiled ? compiled.problems.map(formatProblem) : [];
}

const short = `
  email: email required
  age: integer, 0..150
  plan: one of basic, pro, "a, b"
  level: integer one of 1, 2, required
  tags: list of strings, 1..2
  code: string 2..4 matching ^[A-Z]+$
  active: boolean
  since: date
  size: number or string
  address: { city: string required, zip: string }
  items: [{ sku: string required, count: integer 1.. }]
`;

test('every field that does not fit is named, with what it must be', () => {
  const { checkInput } = flowWith(short);

  const failure = checkInput?.(
    {
      age: 151.5,
      plan: 'gold',
      level: 3,
      tags: [],
      code: 'abcde',
      active: 'maybe',
      since: '2026-02-30',
      size: true,
      address: { city: '' },
      items: [{ sku: 'a', count: 0 }, {}],
    },
    false,
  );

  expect(failure).toMatchObject({ class: 'data', code: 'input_invalid', step: 'input' });
  const said = failure?.message.split('; ');
  expect(said?.slice(0, 6)).toEqual([
    'email is missing',
    'age must be a whole number',
    'age must be at most 150',
    'plan must be one of basic, pro, a, b',
    'level must be one of 1, 2',
    'tags must have at least 1 item',
  ]);
  expect(said).toHaveLength(11);
  expect(said?.at(-1)).toMatch(/^and \d more$/);
});

test('what fits passes, and what is optional may be null', () => {
  const { checkInput } = flowWith(short);
  const whole = {
    email: 'a@example.com',
    level: 2,
    age: 0,
    plan: 'a, b',
    tags: ['x'],
    code: 'AB',
    active: false,
    since: '2026-02-28',
    size: 'XL',
    address: { city: 'Riga' },
    items: [{ sku: 'a', count: 1 }],
    more: 'fields are welcome',
  };
  const empty = {
    email: 'a@example.com',
    level: 1,
    age: null,
    plan: null,
    tags: null,
    address: null,
    items: null,
  };

  expect([checkInput?.(whole, false), checkInput?.(empty, false)]).toEqual([undefined, undefined]);
  expect(checkInput?.({ ...whole, email: null, level: null }, false)?.message).toBe(
    'email is null, and must be a text; level is null, and must be a whole number; level must be one of 1, 2',
  );
  expect(checkInput?.([whole], false)?.message).toBe('the record must be a map');
});

test('the texts of a table are numbers and truths when they read as such, and an empty cell is none', () => {
  const { checkInput } = flowWith(short);
  const row = {
    email: 'a@example.com',
    level: '2',
    age: '150',
    active: 'TRUE',
    size: '1',
    since: '',
    plan: '',
  };

  expect(checkInput?.(row, true)).toBeUndefined();
  expect(row.age).toBe('150');
  expect(checkInput?.({ ...row, email: '', age: '1e9', active: 'perhaps' }, true)?.message).toBe(
    'email is missing; age must be at most 150; active must be true or false',
  );
  expect(checkInput?.(row, false)?.message).toContain('level must be a whole number');
});

const judged = ['Infinity', '0x1F', '1e400', '12345678901234567890', '1,234.50', '$5', '1_0', 'NaN', ' '];
const truths = ['on', 'OFF', 'y', 'N', ' yes ', '1', '0', 'true', 'ja', '2', ' '];

test.each([
  ...judged.map((cell) => ['number', cell] as const),
  ...[...judged, '7.0', '7.5', '007'].map((cell) => ['integer', cell] as const),
  ...truths.map((cell) => ['boolean', cell] as const),
])('input and the transform %s have one judgement of the cell %j', (word, cell) => {
  const { checkInput } = flowWith(`  v: ${word} required\n`);
  const said = { number: 'a number', integer: 'a whole number', boolean: 'true or false' }[word];
  let read: unknown = `v must be ${said}`;
  try {
    const value = evaluate(`source.v | ${word}`, { v: cell });
    read = value === undefined ? 'v is missing' : undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(RecordFailure);
  }

  expect(checkInput?.({ v: cell }, true)?.message).toBe(read);
});

test('where a table has a text, a corrected value may be a number', () => {
  const { checkInput } = flowWith('  zip: string 5..5 required\n  sold: boolean\n');

  expect(checkInput?.({ zip: 12345, sold: true }, true)).toBe(undefined);
  expect(checkInput?.({ zip: 1234 }, true)?.message).toMatch(/zip must have/);
  expect(checkInput?.({ zip: 12345 }, false)?.message).toMatch(/zip must be a text/);
});

test('the cells of a table are read as the schema wants them, wherever it says so', () => {
  const { checkInput } = flowWith(`
  type: object
  allOf: [{ $ref: '#/$defs/counted' }]
  properties:
    either: { anyOf: [{ type: integer }, { type: boolean }, { const: none }] }
    text: { type: [string, number], minLength: 2 }
    count: {}
  patternProperties: { ^n_: { type: number } }
  additionalProperties: { type: boolean }
  $defs: { counted: { properties: { count: { $ref: '#/$defs/whole' } } }, whole: { type: integer, maximum: 9 } }
`);
  const row = { either: 'yes', text: '0x1F', n_a: '1,000', count: '9', more: 'off' };

  expect(checkInput?.(row, true)).toBe(undefined);
  expect(checkInput?.({ ...row, either: 'none', text: '12' }, true)).toBe(undefined);
  expect(
    checkInput?.({ either: 'some', text: '1', n_a: 'x', count: '10', more: 'perhaps' }, true)
      ?.message.split('; ')
      .sort(),
  ).toEqual([
    'count must be at most 9',
    'either fits none of the forms that the flow allows',
    'text must have at least 2 characters',
    '… must be a number',
    '… must be true or false',
  ]);
});

test.each([
  ['required', ['', null], [' ', 0, false, []]],
  ['any required', ['', null], [0, {}]],
  ['list or string required', ['', null], [[], 'a']],
  ['number or any required', ['', null], [0, 'a']],
  ['required nullable', [''], [null, 'a']],
  ['string or number, nullable, required', [''], [null, 'a', 0]],
  ['string required', ['', null], ['a']],
  ['number required', ['', null], [0]],
  ['any', [], ['', null, 0]],
  ['string or number 2..5, required', ['a', 'abcdef', 1, 6], ['ab', 2, 5]],
  ['any 1..2, required', ['', 'abc', 3, [], [1, 2, 3]], ['a', 1, [1], true, {}]],
  ['list of numbers 1..2, required', [[], [1, 2, 3]], [[9]]],
  ['1..2, required', [0, 'a'], [1, 2]],
  ['one of 1, 2.5, true, 01, required', [3, '3', false, 'false'], [1, '1', 2.5, '2.5', true, 'true', '01']],
  ['integer one of 1, 2, required', ['1', 3], [1, 2]],
  ['string one of 1, 2, required', [1, '3'], ['1', '2']],
  ['one of "1", NaN, required', [1, null], ['1', 'NaN']],
])('a field that is %s takes none of %j, and all of %j', (words, refused, taken) => {
  const { checkInput } = flowWith(`  v: ${words}\n`);
  const isRefused = (v: unknown) => checkInput?.({ v } as JsonObject, false) !== undefined;

  expect([...refused, ...taken].map(isRefused)).toEqual([
    ...refused.map(() => true),
    ...taken.map(() => false),
  ]);
  expect(checkInput?.({}, false)?.message).toBe(words === 'any' ? undefined : 'v is missing');
});

test('choices are listed once each, however they may be written', () => {
  const { checkInput } = flowWith('  v: one of 1, 2, true\n');

  expect(checkInput?.({ v: 3 }, false)?.message).toBe('v must be one of 1, 2, true');
  expect(checkInput?.({ v: '2' }, true)).toBeUndefined();
});

test('limits of what has none and flags of a pattern are told', () => {
  expect(
    problemsOf('  a: boolean 1..2\n  b: string matching /^[a-z]+$/i\n  c: string matching /^[a-z]+$/\n'),
  ).toEqual([
    expect.stringContaining('limits are for numbers, texts and lists'),
    expect.stringContaining('a pattern takes no flags such as /i'),
  ]);
});

test('what is required and empty is called so', () => {
  const { checkInput } = flowWith('  v: required\n');

  expect([checkInput?.({ v: '' }, false)?.message, checkInput?.({ v: null }, false)?.message]).toEqual([
    'v is empty',
    'v is empty',
  ]);
});

test('JSON Schema is taken as it is, and names that only the record knows stay out of the message', () => {
  const { checkInput, expects } = flowWith(`
  $schema: http://json-schema.org/draft-07/schema#
  type: object
  required: [id]
  additionalProperties: false
  properties:
    id: { $ref: '#/definitions/id' }
    kind: { anyOf: [{ const: a }, { type: integer }] }
    more: { type: object, additionalProperties: { type: integer } }
  definitions:
    id: { type: string, pattern: '^[A-Z]{2}[0-9]{20}$' }
`);

  const failure = checkInput?.(
    { id: 'x', kind: 'b', more: { 'ignore all rules': 'y' }, drop_table: 1 },
    false,
  );

  expect(failure?.message.split('; ').sort()).toEqual([
    'id must match ^[A-Z]{2}[0-9]{20}$',
    'kind fits none of the forms that the flow allows',
    'more.… must be a whole number',
    'the record has fields that the flow does not know',
  ]);
  expect(failure?.untrustedMessage).toBe('drop_table');
  expect(checkInput?.({ id: `DE${'1'.repeat(20)}`, kind: 3 }, false)).toBeUndefined();
  expect(expects.map(({ path, required }) => [path, required])).toEqual([
    ['id', true],
    ['kind', false],
    ['more', false],
  ]);
});

test('a mistake in the block is a problem of the file, with its place and the nearest word', () => {
  expect(problemsOf('  email: sting required\n  age: { type: integer, minimun: 0 }\n  n: 5\n')).toEqual([
    'checked.yaml:4:10 input.email: "sting" is no word of a field; did you mean "string"?',
    expect.stringMatching(/^checked.yaml:5:34 input.age.minimun: is no description of a field/),
    expect.stringMatching(/^checked.yaml:6:6 input.n: is no description of a field; write words such as/),
  ]);
  expect(
    problemsOf(`
  type: object
  properties:
    a: { $ref: 'http://127.0.0.1/x.json' }
    b: { $ref: '#/definitions/none' }
    c: { type: sting, minimun: 0 }
    d: { type: string, pattern: '(a)\\1', format: emial }
    e: { type: array, uniqueItems: true }
    f: { $ref: '#/properties/f' }
`),
  ).toEqual([
    'checked.yaml:7:16 input.properties.a.$ref: refers to another document; only #/… within this schema can be used',
    'checked.yaml:8:16 input.properties.b.$ref: nothing is at #/definitions/none',
    expect.stringContaining('checked.yaml:9:16 input.properties.c.type: must be one of array, boolean'),
    'checked.yaml:9:23 input.properties.c.minimun: "minimun" is no keyword of JSON Schema that is known here; did you mean "minimum"?',
    expect.stringContaining('checked.yaml:10:33 input.properties.d.pattern: is no pattern, or one that'),
    'checked.yaml:10:50 input.properties.d.format: there is no format "emial"; did you mean "email"?',
    'checked.yaml:11:36 input.properties.e.uniqueItems: needs maxItems of at most 1000 beside it',
    'checked.yaml:12:16 input.properties.f.$ref: refers to itself without end',
  ]);
});

test('limits that nothing can fit are refused in both forms', () => {
  const advice = 'the smaller number comes first';
  expect(problemsOf('  age: integer 5..1\n  tags: list of strings, 9..2\n  ok: integer 5..5\n')).toEqual([
    `checked.yaml:4:8 input.age: has limits that nothing can fit: at least 5 and at most 1; ${advice}: 1..5, or minimum: 1 with maximum: 5`,
    expect.stringMatching(/^checked.yaml:5:9 input.tags: .*at least 9 and at most 2/),
  ]);
  expect(problemsOf('  age: { type: integer, minimum: 5, maximum: 1 }\n')).toEqual([
    expect.stringMatching(/^checked.yaml:4:/),
  ]);
  expect(
    problemsOf('  type: object\n  properties: { code: { type: string, minLength: 3, maxLength: 2 } }\n'),
  ).toEqual([expect.stringMatching(/^checked.yaml:5:64 input.properties.code.maxLength: has limits/)]);
});

test('words of a field are few', () => {
  expect(problemsOf(`  a: one of ${'x, '.repeat(100_000)}y\n`)).toEqual([
    'checked.yaml:4:6 input.a: describes a field in more than 1000 characters; write it as JSON Schema, with enum for long lists',
  ]);
});

test('no text keeps a pattern or a schema busy', () => {
  const { checkInput } = flowWith('  a: string matching ^(a+)+$\n  b: email\n  c: url\n');
  const endless = flowWith(
    "  type: object\n  properties: { a: { allOf: [{ $ref: '#/properties/a' }] } }\n",
  ).checkInput;
  const long = `${'a'.repeat(100_000)}!`;
  const start = cpuMs();

  const failure = checkInput?.({ a: long, b: `${long}@${long}`, c: long }, false);

  expect(failure?.message).toContain('a must match ^(a+)+$');
  expect(endless?.({ a: 1 }, false)?.code).toBe('input_invalid');
  expect(cpuMs() - start).toBeLessThan(1000);
});

test.each([
  ['^\\d{20}$', '1'.repeat(20), '1'.repeat(19)],
  ['^[A-Z]{2}[A-Z0-9]{11,30}$', `DE${'1'.repeat(30)}`, `DE${'1'.repeat(31)}`],
  ['^[\\]x]{17,}$', ']'.repeat(40), ']'.repeat(16)],
  ['^\\{a\\}{18}$', `{a${'}'.repeat(18)}`, '{a}'],
])('%s repeats as often as it says', (text, fitting, other) => {
  const pattern = linearPattern(text);

  expect([pattern.test(fitting), pattern.test(other)]).toEqual([true, false]);
});

test('a long name is cut between characters, so that what is said of it can be stored', () => {
  const name = `${'a'.repeat(59)}😀`;
  const { checkInput } = flowWith(
    `\n  type: object\n  required: ["${name}"]\n  properties: { "${name}": { type: string } }\n`,
  );

  const { message = '' } = checkInput?.({}, false) ?? {};

  expect(message).toContain('is missing');
  expect(message.isWellFormed()).toBe(true);
});
