import { expect, test } from 'vitest';
import { fitsType, type ParameterType, parametersOf } from '../../src/flows/parameters.ts';
import { problemsIn } from './steps/run-flow.ts';

test.each<[unknown, object]>([
  ['EU', { required: false, byDefault: 'EU' }],
  [null, { required: false, byDefault: null }],
  [{ limit: 1 }, { required: false, byDefault: { limit: 1 } }],
  [{ default: { type: 'premium' } }, { required: false, byDefault: { type: 'premium' } }],
  [{ type: 'string' }, { required: true, byDefault: undefined, type: 'string' }],
  [
    { type: 'integer', default: 3 },
    { required: false, byDefault: 3, type: 'integer' },
  ],
  [{ required: false }, { required: false, byDefault: undefined }],
  [{ description: 'Why' }, { required: true, byDefault: undefined, description: 'Why' }],
])('the declaration %j stands for %j', (written, declared) => {
  expect(parametersOf({ month: written })).toEqual([{ name: 'month', ...declared }]);
});

test.each<[string, string]>([
  [
    '{ type: text, required: true }',
    'params.month.type must be one of string, number, integer, boolean, array',
  ],
  ['{ type: int }', 'a default that is a map is written as default: {type: …}'],
  ['{ typ: string, required: true }', 'unknown key "typ"'],
  ['{ type: number, requierd: true }', 'unknown key "requierd"; did you mean "required"?'],
  ['{ required: 1 }', 'params.month.required must be true or false'],
  ['{ type: number, default: "7" }', 'params.month.default must be a number, as its type says'],
])('the declaration %s is refused with its line', (written, text) => {
  const [problem, ...more] = problemsIn(
    `steps: [{ type: echo, message: hi }]\nparams: { month: ${written} }`,
  );

  expect(problem).toContain(text);
  expect(problem).toMatch(/^2:/);
  expect(more).toEqual([]);
});

test.each<[ParameterType, unknown[], unknown[]]>([
  ['string', ['', 'a'], [1, true, [], {}]],
  ['number', [1, 1.5], ['1', true]],
  ['integer', [1, 2.0], [1.5, '1']],
  ['boolean', [false], ['false', 0]],
  ['array', [[]], [{}, 'a']],
  ['object', [{}], [[], 'a']],
])('of the type %s are %j, and not %j', (type, fitting, others) => {
  expect(fitting.map((value) => fitsType(value, type))).toEqual(fitting.map(() => true));
  expect(others.map((value) => fitsType(value, type))).toEqual(others.map(() => false));
});
