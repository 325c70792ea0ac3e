import { expect, test } from 'vitest';
import { writtenJson } from '../../src/domain/json.ts';

const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`) as unknown;

test('a value is written down to a thousand levels deep, whatever this version of Node could write', () => {
  expect(writtenJson(nested(1000))).toHaveLength(2000);
  expect(() => writtenJson(nested(1001))).toThrow(RangeError);
});

test('brackets inside of texts are no levels', () => {
  const texts = [
    '['.repeat(3000),
    '\\',
    '\u001b[31m'.repeat(2000),
    '"',
    '{"'.repeat(2000),
    '\\"['.repeat(2000),
  ];

  expect(JSON.parse(writtenJson(texts))).toEqual(texts);
  expect(() => writtenJson([texts, nested(1000)])).toThrow(RangeError);
});

test('what is wide and not deep is written whole', () => {
  const wide = Array.from({ length: 2000 }, () => [{}]);

  expect(JSON.parse(writtenJson(wide))).toEqual(wide);
});
