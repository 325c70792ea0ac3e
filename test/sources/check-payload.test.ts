import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { checkPayload } from '../../src/sources/check-payload.ts';

const nested = (levels: number): JsonValue => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

test.each<[string, JsonValue]>([
  ['a flat record', { id: 1, name: 'Zoë 😀', ok: true, none: null }],
  ['text that only looks like an escape', { path: 'C:\\u0000', other: '\\ud800' }],
  ['the largest numbers', [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 1e-300]],
  ['64 levels', nested(64)],
])('%s passes as it is', (_, payload) => {
  expect(checkPayload(payload, 1000)).toEqual({ ok: true, json: JSON.stringify(payload) });
});

test.each<[string, JsonValue, string, JsonValue]>([
  ['a NUL in a text', { a: 'x\0y' }, 'text_not_storable', { a: 'x\ufffdy' }],
  ['a NUL in a key', { 'a\0': 1 }, 'text_not_storable', { 'a\ufffd': 1 }],
  ['half a pair', ['\ud83d', '\ude00', '😀'], 'text_not_storable', ['\ufffd', '\ufffd', '😀']],
  ['a rounded number', { id: 2 ** 53, a: '\0' }, 'number_too_large', { id: 2 ** 53, a: '\ufffd' }],
  [
    'a number without end',
    { id: Number.POSITIVE_INFINITY },
    'number_too_large',
    { id: Number.POSITIVE_INFINITY },
  ],
  ['65 levels', nested(65), 'nested_too_deeply', { _nested_too_deeply: 64 }],
  ['100,000 levels', nested(100_000), 'nested_too_deeply', { _nested_too_deeply: 64 }],
  ['1,001 bytes', 'x'.repeat(999), 'record_too_large', { _too_large: 1001, _preview: `"${'x'.repeat(199)}` }],
  [
    '1,001 bytes in few letters',
    '日'.repeat(333),
    'record_too_large',
    { _too_large: 1001, _preview: `"${'日'.repeat(199)}` },
  ],
])('%s is refused with what can be kept of it', (_, payload, code, kept) => {
  expect(checkPayload(payload, 1000)).toMatchObject({ ok: false, code, payload: kept });
});

test('a key named __proto__ is kept as a key', () => {
  const checked = checkPayload(JSON.parse('{"__proto__":{"x":"\\u0000"}}'), 1000);

  expect(JSON.stringify(checked.ok ? null : checked.payload)).toBe('{"__proto__":{"x":"\ufffd"}}');
});

test('what is kept of any payload passes', () => {
  const hostile = fc.string({ unit: fc.constantFrom('\0', '\ud800', '\udc00', '\\', 'u0000', 'a', '"') });
  const payload = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      hostile,
      fc.integer(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(hostile, tie('value'), { maxKeys: 3 }),
    ),
  })).value;

  fc.assert(
    fc.property(payload, (value) => {
      const checked = checkPayload(value, 400);

      expect(checkPayload(checked.ok ? value : checked.payload, 1400).ok).toBe(true);
      expect(checked.ok && /\\u0000|\\ud[89a-f]/.test(checked.json.replaceAll('\\\\', ''))).toBe(false);
    }),
  );
});

test('the time of a check, printed', () => {
  const payload = {
    id: 'CUST-000123',
    email: 'ada@example.com',
    name: 'Ada Lovelace',
    amount: 12.5,
    tags: ['a', 'b'],
    address: { street: 'Some street 12', city: 'London', zip: 'N1 9GU' },
    note: 'x'.repeat(30),
  };
  const rounds = 50_000;
  for (let round = 0; round < rounds; round++) checkPayload(payload, 1_000_000);

  const start = performance.now();
  for (let round = 0; round < rounds; round++) checkPayload(payload, 1_000_000);
  const microseconds = ((performance.now() - start) / rounds) * 1000;

  console.log(`checkPayload: ${microseconds.toFixed(2)} µs for ${JSON.stringify(payload).length} bytes`);
  expect(microseconds).toBeGreaterThan(0);
});
