import { expect, test } from 'vitest';
import { isFormula, typeOf } from '../../src/sources/cell-type.ts';
import { maskedValue } from '../../src/sources/masked-value.ts';
import { Profiler } from '../../src/sources/profile.ts';

test.for([
  ['42', 'integer'],
  ['-5', 'integer'],
  ['007', 'text'],
  ['+491234567', 'text'],
  ['1.50', 'number'],
  ['1,5', 'text'],
  ['true', 'boolean'],
  ['2024-02-29', 'date'],
  ['2024-02-29T10:00:00Z', 'date'],
  ['31.12.2024', 'date'],
  ['ada@example.com', 'email'],
  ['ada@localhost', 'text'],
  ['https://example.com/a', 'url'],
  ['  ', 'empty'],
  ['x'.repeat(10_000), 'text'],
  [null, 'empty'],
  [3, 'integer'],
  [3.5, 'number'],
  [[1], 'list'],
  [{ a: 1 }, 'object'],
] as const)('%j reads as %s', ([value, type]) => {
  expect(typeOf(value)).toBe(type);
});

test.for([
  ['=HYPERLINK("http://x")', true],
  ['@SUM(A1)', true],
  ['+cmd', true],
  ['-2+3', true],
  ['-5', false],
  ['+49 (30) 1234-5', false],
  ['a=b', false],
  [-5, false],
] as const)('%j is a formula: %s', ([value, expected]) => {
  expect(isFormula(value)).toBe(expected);
});

test.for([
  ['email', 'erika@example.com', 'e***@example.com'],
  ['note', 'write to bob.b@mail.example.org now', 'write to b***@mail.example.org now'],
  ['phone', '+49 170 1234512', '+49***12'],
  ['x', '+491701234512', '+49***12'],
  ['id', '12345678', '12345678'],
  ['api_key', 'anything', '***'],
  ['x', 'sk_live_4eC39HqLyjWDarjtT1zdp7dc', 'sk_l***'],
  ['x', '0197a4c2-1f0e-7c3a-9d55-2b1f6f0c8a11', '0197a4c2-1f0e-7c3a-9d55-2b1f6f0c8a11'],
  ['account', 'DE89370400440532013000', 'DE89***00'],
  ['card', 4111111111111111, '41***11'],
  ['card', '4111 1111 1111 1111', '41***11'],
  ['note', 'card 4111-1111-1111-1111, valid', 'card 41***11, valid'],
  ['note', 'amex 3782 822463 10005', 'amex 37***05'],
  ['note', '6304 0000 0000 0000 123', '63***23'],
  ['note', 'call +49 170 1234567 today', 'call +49***67 today'],
  ['note', 'or +1 (555) 123-4567.', 'or +1***67.'],
  ['note', 'fax:+49.170.1234567', 'fax:+49***67'],
  [
    'note',
    'from 2026-01-31 12:30:00 to 2026-02-01 13:30:00',
    'from 2026-01-31 12:30:00 to 2026-02-01 13:30:00',
  ],
  ['note', 'at 2026-01-31T12:30:00.000+01:00', 'at 2026-01-31T12:30:00.000+01:00'],
  ['note', 'at 12:30:00 +0100 on 2026-01-31', 'at 12:30:00 +0100 on 2026-01-31'],
  ['note', 'now +1234.50 EUR, was 1 234 567.50', 'now +1234.50 EUR, was 1 234 567.50'],
  ['x', '12345678-1234-1234-1234-123456789012', '12345678-1234-1234-1234-123456789012'],
  ['born', '1990-12-31', '1990-12-31'],
  ['company', 'Acme & Sons', 'Acme & Sons'],
] as const)('a sample of %s shows %j as %j', ([key, value, shown]) => {
  expect(maskedValue({ [key]: value })).toEqual({ [key]: shown });
});

test('columns are told by what most of their values are, with the places that are not so', () => {
  const profiler = new Profiler((payload) => payload);
  const rows = [
    { id: '1', amount: '10', born: '2000-01-02', note: '=1+1' },
    { id: '2', amount: '2.5', born: '2000-01-03', note: '' },
    { id: '2', amount: '3', born: 'unknown', note: 'x', extra: true },
    { id: '', amount: '', born: '2000-01-04', note: 'y' },
  ];
  for (const [at, row] of rows.entries()) {
    profiler.add(row, at + 2);
    profiler.addId(row.id === '' ? null : row.id, at + 2);
  }

  const { columns, ids, samples, rows: count } = profiler.profile(true);

  expect(count).toBe(4);
  expect(samples).toHaveLength(3);
  expect(Object.fromEntries(columns.map(({ name, ...column }) => [name, column]))).toEqual({
    id: { type: 'integer', share: 1, empty: 1, formulas: 0, odd: [] },
    amount: { type: 'number', share: 1, empty: 1, formulas: 0, odd: [] },
    born: { type: 'date', share: 0.75, empty: 0, formulas: 0, odd: [4] },
    note: { type: 'text', share: 1, empty: 1, formulas: 1, odd: [] },
    extra: { type: 'boolean', share: 1, empty: 3, formulas: 0, odd: [] },
  });
  expect(ids).toEqual({ missing: 1, duplicates: 1, places: [4], exact: true });
});

test('a file of a thousand columns is profiled in bounded memory', () => {
  const profiler = new Profiler(() => null);

  profiler.add(Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`c${n}`, n])), 2);
  profiler.add(Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`c${n}`, n])), 3);

  const { columns, moreColumns } = profiler.profile(false);
  expect([columns.length, moreColumns]).toEqual([500, 500]);
});

test('what is nested deeper than a record may be is left out', () => {
  const deep = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`);

  expect(JSON.stringify(maskedValue(deep))).toBe(`${'['.repeat(64)}"…"${']'.repeat(64)}`);
});
