import { expect, test } from 'vitest';
import type { ExpectedField } from '../../src/flows/flow.ts';
import { absenceOf } from '../../src/operations/absent-fields.ts';
import { Profiler } from '../../src/sources/profile.ts';

const profileOf = (row: Record<string, string>) => {
  const profiler = new Profiler((payload) => payload);
  profiler.add(row, 2);
  return profiler.profile(false);
};

const field = (path: string, more: Partial<ExpectedField> = {}): ExpectedField => ({
  path,
  required: false,
  ...more,
});

test.each<[string, ExpectedField[], Record<string, string>, string | undefined]>([
  ['a field that no row has', [field('email')], { mail: 'a' }, 'has: "email" (there is "mail"). Correct'],
  ['a column whose name has a dot', [field('address.zip')], { 'address.zip': '1' }, undefined],
  ['a field of an object that is there', [field('address.zip')], { address: 'x' }, undefined],
  ['a quoted name', [field('["First Name"]')], { 'First Name': 'Ada' }, undefined],
  ['a field that may be left out', [field('nick', { form: 'text' })], { name: 'Ada' }, undefined],
  ['one that may not', [field('nick', { form: 'text', required: true })], { name: 'Ada' }, 'has: "nick"'],
  [
    'more than have room',
    ['a1', 'b2', 'c3', 'd4', 'e5', 'f6', 'g7'].map((path) => field(path)),
    { name: 'Ada' },
    '"e5" and 2 more. Correct',
  ],
  ['rows that hold nothing', [field('email')], {}, undefined],
])('%s', (_, expects, row, said) => {
  const told = absenceOf(expects, profileOf(row));

  if (said === undefined) expect(told).toBeUndefined();
  else expect(told).toContain(said);
});

test('of rows with more columns than are looked at nothing is said to be absent', () => {
  const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`c${n}`, 'x']));

  expect(absenceOf([field('c4999')], profileOf(wide))).toBeUndefined();
});
