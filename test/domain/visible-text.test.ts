import fc from 'fast-check';
import { expect, test } from 'vitest';
import { visibleText, visibleValue } from '../../src/domain/visible-text.ts';

const unseen = /(?![\t\n])\p{Cc}|\p{Bidi_Control}|\p{Default_Ignorable_Code_Point}|[\u2028\u2029]|\p{Cs}/u;
const hostile = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom(
      '\u001b[31m',
      '\u001b]8;;x\u0007',
      '\u202e',
      '\u2066',
      '\u200b',
      '\ufeff',
      '\u{e0041}',
      '\u009b',
    ),
  ),
});

test.each([
  ['kept as it is: Ärger 日本 👍\n\tindented', 'kept as it is: Ärger 日本 👍\n\tindented'],
  ['two\r\nlines\rmore\u2028and more', 'two\nlines\nmore\nand more'],
  ['\u001b[1mbold\u001b[0m', ' bold '],
  ['right \u202eto left\u202c', 'right to left'],
  ['hid\u{e0068}\u{e0069}den\u200b', 'hidden'],
])('%j is shown as %j', (text, shown) => {
  expect(visibleText(text)).toBe(shown);
});

test('nothing unseen is left anywhere in a value, and the rest of it stays', () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(hostile, fc.oneof(hostile, fc.integer(), fc.constant(null))), { maxLength: 4 }),
      (value) => {
        const shown = visibleValue(value);

        expect(visibleValue(shown)).toEqual(shown);
        for (const text of textsOf(shown)) expect(text).not.toMatch(unseen);
      },
    ),
  );
});

test('text without anything unseen is left alone', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      fc.pre(!/\\u|\\b|\\f|\\r/.test(json) && !unseen.test(json));

      expect(visibleValue(JSON.parse(json))).toEqual(JSON.parse(json));
    }),
  );
});

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...textsOf(inner)]);
}
