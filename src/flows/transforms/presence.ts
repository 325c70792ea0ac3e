import { isAbsent, omitted, type PipeValue, type Transform, ValueProblem } from './transform.ts';

export const presenceTransforms: readonly Transform[] = [
  {
    name: 'default',
    doc: 'Another value in place of a missing, null or empty one.',
    args: [{ name: 'value', kind: 'value' }],
    apply: (value, args) => (isAbsent(value) ? args[0] : value),
  },
  {
    name: 'required',
    doc: 'The record fails when the value is missing, null or blank.',
    args: [],
    apply(value) {
      if (!isBlank(value)) return value;
      const state = value === undefined ? 'missing' : value === null ? 'null' : 'empty';
      throw new ValueProblem('required_field_missing', `is ${state}, and the field is required`);
    },
  },
  {
    name: 'omit_if_null',
    doc: 'The field is left out when the value is missing, null or empty.',
    args: [],
    apply: (value) => (isAbsent(value) ? omitted : value),
  },
  {
    name: 'coalesce',
    doc: 'The first of several values that is not missing, null or empty.',
    args: [{ name: 'value', kind: 'value', many: true }],
    begins: true,
    apply: (value, args) => (isAbsent(value) ? args.find((argument) => !isAbsent(argument)) : value),
  },
];

function isBlank(value: PipeValue): boolean {
  return isAbsent(value) || (typeof value === 'string' && value.trim() === '');
}
