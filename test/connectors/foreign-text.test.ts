import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foreignText } from '../../src/connectors/foreign-text.ts';
import { cpuMs } from '../support/cpu-time.ts';

test.each([
  ['plain text', 'plain text'],
  ['  two\r\n\tlines  ', 'two lines'],
  ['\u001b[31mred\u001b[0m', 'red'],
  ['\u001b]0;title\u0007after', 'after'],
  ['\u001b]8;;http://x\u001b\\link', 'link'],
  ['abc\u202edef\u2066\u2069', 'abcdef'],
  ['zero\u200bwidth\u2060\ufeff', 'zerowidth'],
  ['hidden\u{e0041}\u{e0042}\u{e007f}', 'hidden'],
  ['nul\u0000 and bell\u0007', 'nul and bell'],
  ['c1\u0085\u009b31m', 'c1 31m'],
  ['half \ud800', 'half \ufffd'],
  ['Ärger 日本 👍', 'Ärger 日本 👍'],
])('%j is shown as %j', (text, shown) => {
  expect(foreignText(text)).toBe(shown);
});

test('nothing is left of a text without anything to see', () => {
  expect(foreignText(' \u0000\u200b\n')).toBeUndefined();
});

test('a shown text is one short line without controls, whatever it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (text) => {
      const shown = foreignText(text) ?? '';

      expect(shown.length).toBeLessThanOrEqual(500);
      expect(shown).not.toMatch(/[\p{Cc}\p{Bidi_Control}\p{Cs}\u2028\u2029]/u);
    }),
  );
});

test.each(['\u001b[', '\u001b]', '<', '\u001b[0', 'a '])('a megabyte of %j costs no time', (piece) => {
  const text = piece.repeat(1_000_000 / piece.length);
  const begun = cpuMs();

  foreignText(text);

  expect(cpuMs() - begun).toBeLessThan(100);
});
