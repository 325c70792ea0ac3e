import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linearPattern } from '../../src/flows/linear-pattern.ts';

const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '\\x61');
const count = fc.nat({ max: 40 });
const repeat = fc.oneof(
  fc.constantFrom('', '*', '+', '?', '*?', '+?', '??'),
  fc
    .tuple(count, fc.option(count), fc.boolean())
    .map(([least, more, lazy]) => `{${least},${more === null ? '' : least + more}}${lazy ? '?' : ''}`),
  fc.tuple(count, fc.constantFrom('', '?')).map(([times, lazy]) => `{${times}}${lazy}`),
);
const pattern = fc
  .array(
    fc
      .tuple(atom, repeat, fc.boolean())
      .map(([one, often, kept]) => (kept ? `(${one}${often})` : one + often)),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join(''));
const text = fc
  .array(fc.constantFrom('a', 'b', 'aaaaaaaa', '-'), { maxLength: 30 })
  .map((parts) => parts.join(''));

test('a pattern finds what the backtracking one of JavaScript finds, counted repeats and lazy ones included', () => {
  fc.assert(
    fc.property(pattern, text, (given, where) => {
      const found = linearPattern(given).exec(where);
      expect(shownOf(found)).toEqual(shownOf(new RegExp(given).exec(where)));
    }),
    { numRuns: 1000 },
  );
});

const shownOf = (found: RegExpExecArray | null) => found && { at: found.index, found: [...found] };
