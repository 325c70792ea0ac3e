import { expect, test } from 'vitest';
import { isTextual } from '../../src/engine/new-record.ts';

test.each([
  [{ kind: 'file', format: 'csv' }, true],
  [{ kind: 'file', format: 'tsv' }, true],
  [{ kind: 'file', format: 'ndjson' }, false],
  [{ kind: 'file', format: 'json' }, false],
  [{ kind: 'inline', format: 'query' }, true],
  [{ kind: 'inline' }, false],
  [{ kind: 'job' }, true],
])('of %j a retry takes texts for numbers: %s', (source, textual) => {
  expect(isTextual(source)).toBe(textual);
});
