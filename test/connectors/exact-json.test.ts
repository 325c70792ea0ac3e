import { expect, test } from 'vitest';
import { exactJson } from '../../src/connectors/exact-json.ts';

test('only numbers outside of texts become texts', () => {
  const text = String.raw`["a\"12345678901234567890\\",12345678901234567890,{"1234567890123456789":-1e999},7]`;

  expect(exactJson(text)).toEqual([
    'a"12345678901234567890\\',
    '12345678901234567890',
    { '1234567890123456789': '-1e999' },
    7,
  ]);
});

test('a number that is large by its exponent alone becomes a text', () => {
  expect(exactJson('[1e400, -2.5E+999, 1e300]')).toEqual(['1e400', '-2.5E+999', 1e300]);
});

test('a text of 8 MiB of escapes is read', () => {
  const escapes = '\\"'.repeat(4 * 1024 * 1024);

  expect(exactJson(`[12345678901234567890,"${escapes}"]`)).toEqual([
    '12345678901234567890',
    '"'.repeat(4 * 1024 * 1024),
  ]);
});
