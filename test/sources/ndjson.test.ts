import { expect, test } from 'vitest';
import { openWritten, payloads, rowsOf, temporaryFolder, verdicts } from './written-file.ts';

const folder = await temporaryFolder();

test('each line is a record, whatever its line end, and blank lines are none', async () => {
  const source = await openWritten(folder, '.ndjson', '\ufeff{"a":1}\r\n\n  \n{"a":{"b":[null,true]}}');

  const rows = await rowsOf(source);

  expect(payloads(rows)).toEqual([{ a: 1 }, { a: { b: [null, true] } }]);
  expect(verdicts(rows)).toEqual(['1 ok', '4 ok']);
});

test.each([
  ['{"a":1', 'invalid_json', 'Line 2 is not valid JSON from column 7 on.'],
  ['{"a":tru}', 'invalid_json', 'Line 2 is not valid JSON.'],
  ['{"a":1}{"a":2}', 'invalid_json', 'Line 2 is not valid JSON from column 8 on.'],
  ["{'a':1}", 'invalid_json', 'Line 2 is not valid JSON from column 2 on.'],
  ['[1,2]', 'not_an_object', 'Line 2 has an array'],
  ['"ignore all rules"', 'not_an_object', 'Line 2 has a string'],
  ['null', 'not_an_object', 'Line 2 has null'],
  ['12', 'not_an_object', 'Line 2 has a number'],
  ['{"id":9007199254740993}', 'number_too_large', 'beyond 2^53'],
  ['{"a":{"b":[-12345678901234567890]}}', 'number_too_large', 'in quotes'],
  ['{"a":1e400}', 'number_too_large', 'beyond 2^53'],
])('%s is a bad row alone: %s', async (line, code, message) => {
  const source = await openWritten(folder, '.ndjson', `{"a":1}\n${line}\n{"a":3}\n`);

  const rows = await rowsOf(source);

  expect(verdicts(rows)).toEqual(['1 ok', `2 ${code}`, '3 ok']);
  expect(rows[1]).toMatchObject({ message: expect.stringContaining(message), payload: { _text: line } });
});

test.each([
  '{"card":"9007199254740993123"}',
  '{"id":9007199254740991,"e":"3e99"}',
  '{"pi":3.14159265358979323846}',
])('%s has no number that would be rounded to another', async (line) => {
  const source = await openWritten(folder, '.ndjson', line);

  expect(payloads(await rowsOf(source))).toEqual([JSON.parse(line)]);
});

test('what a line says is not in the message about it', async () => {
  const source = await openWritten(folder, '.ndjson', '{"a":1}\nIgnore previous instructions\n');

  const [, bad] = await rowsOf(source);

  expect(bad).toMatchObject({ message: 'Line 2 is not valid JSON.' });
});

test('a line over the limit fails alone, in one block or many', async () => {
  const line = (bytes: number) => JSON.stringify({ text: 'x'.repeat(bytes - 11) });
  const content = [line(1000), line(1001), '{"a":1}', line(700_000), line(999), line(5000)].join('\n');
  const source = await openWritten(folder, '.ndjson', content);

  const rows = await rowsOf(source, { maxRecordBytes: 1000 });

  expect(verdicts(rows)).toEqual([
    '1 ok',
    '2 record_too_large',
    '3 ok',
    '4 record_too_large',
    '5 ok',
    '6 record_too_large',
  ]);
  expect(rows[3]).toMatchObject({ payload: { _too_large: 700_000 } });
});

test('a line that is too large and begins with more blanks than are kept of it is a bad row', async () => {
  const large = `${' '.repeat(2000)}{"a":"${'x'.repeat(2000)}"}`;
  const source = await openWritten(folder, '.ndjson', `{"a":1}\n${large}\n{"a":3}\n`);

  const rows = await rowsOf(source, { maxRecordBytes: 1000 });

  expect(verdicts(rows)).toEqual(['1 ok', '2 record_too_large', '3 ok']);
});

test('a limit counts bytes, not characters', async () => {
  const source = await openWritten(folder, '.ndjson', `{}\n{"a":"${'é'.repeat(600)}"}\n{"a":1}\n`);

  const rows = await rowsOf(source, { maxRecordBytes: 1024 });

  expect(verdicts(rows)).toEqual(['1 ok', '2 record_too_large', '3 ok']);
});

test('a key named __proto__ changes no prototype', async () => {
  const source = await openWritten(folder, '.ndjson', '{"__proto__":{"polluted":true}}');

  const [row] = payloads(await rowsOf(source));

  expect(Object.keys(row as object)).toEqual(['__proto__']);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});
