import { expect, test } from 'vitest';
import { type Failure, groupKey, normaliseMessage } from '../../src/domain/failure.ts';
import { cpuMs } from '../support/cpu-time.ts';

const refused = (untrustedMessage: string, more: Partial<Failure> = {}): Failure => ({
  class: 'data',
  code: 'http_422',
  message: 'crm-system answered 422 to POST /api/customers',
  untrustedMessage,
  ...more,
});

test.each([
  ['customer 4711 exists', 'customer 4712 exists'],
  ['email "a@b.de" is taken', 'email "c@d.org" is taken'],
  ['a@b.de is taken', 'c.d@e.org is taken'],
  ['id 0190a7c4-1111-7abc-8def-000000000001 unknown', 'id 0190a7c4-2222-7abc-8def-000000000002 unknown'],
  ['too late: 2026-01-31T08:00:00Z', 'too late: 2025-12-01 07:59:00'],
  ['hash deadbeef01 mismatch', 'hash 0badf00d99 mismatch'],
  ['hash 0x1f of order ord_8f3kq2xz91', 'hash 0xffee of order ord_x71bb02abc'],
  ['see https://crm.example.com/a/4711?x=1', 'see https://crm.example.org/b'],
  ['amount 1.234,56 is too high', 'amount 1 234 567,8 is too high'],
  ["amount 1'234.50 is too high", 'amount -7 is too high'],
  ['born 31.01.1999', 'born 1/2/03'],
  ['born 2026/1/31', 'born 31 January 1999'],
  ['born Jan 31, 1999', 'born 3. Mai 2001'],
  ['since Sat, 31 Jan 2026 08:00:00 GMT', 'since Sun, 1 Feb 2026 09:10:11 GMT'],
  ['from 10.0.0.1:5432', 'from 192.168.1.20:1'],
  ['„Müller“ is taken', '„Ö. Maier“ is taken'],
  ['«Dupont» is taken', '“Smith” is taken'],
  [
    `${'note '.repeat(90)} of customer 7`,
    `${'note '.repeat(90)} of customer 4711 and more words that are cut`,
  ],
])('%s and %s have the same cause', (one, other) => {
  expect(groupKey(refused(one))).toBe(groupKey(refused(other)));
});

test('an apostrophe hides no words', () => {
  expect(groupKey(refused("can't find a name, isn't it"))).not.toBe(
    groupKey(refused("can't find an email, isn't it")),
  );
});

test('complaints in JSON are of one cause when they are about the same fields', () => {
  const about = (field: string, words: string) => groupKey(refused(`{"wrong": {"${field}" : "${words}"}}`));

  expect(about('email', 'a@b.de is taken')).toBe(about('email', 'no'));
  expect(about('email', 'no')).not.toBe(about('phone', 'no'));
});

test('different words, codes, classes and steps are different causes', () => {
  const keys = [
    refused('email is missing'),
    refused('phone is missing'),
    refused('email is missing', { code: 'http_400' }),
    refused('email is missing', { class: 'conflict' }),
    refused('email is missing', { step: 'second' }),
  ].map(groupKey);

  expect(new Set(keys).size).toBe(keys.length);
});

test('a megabyte of hostile text is normalised in no time', () => {
  const started = cpuMs();

  for (const piece of ['"', 'a@', '1-', 'ab1'.repeat(3), '0'.repeat(9)])
    normaliseMessage(piece.repeat(300_000));

  expect(cpuMs() - started).toBeLessThan(500);
});
