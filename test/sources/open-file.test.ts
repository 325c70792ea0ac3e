import { appendFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readRows, reopen } from '../../src/sources/open-file.ts';
import { SourceBroken } from '../../src/sources/source.ts';
import { openWritten, payloads, rowsOf, temporaryFolder } from './written-file.ts';

const folder = await temporaryFolder();

function utf32(text: string, end: 'LE' | 'BE'): Buffer {
  const codes = [...`\ufeff${text}`].map((character) => character.codePointAt(0) ?? 0);
  const bytes = Buffer.alloc(codes.length * 4);
  for (const [at, code] of codes.entries()) bytes[`writeUInt32${end}`](code, at * 4);
  return bytes;
}

test.each([
  ['nothing', '.csv', '', 'empty'],
  ['a byte order mark only', '.csv', '\ufeff', 'empty'],
  ['blank lines only', '.ndjson', ' \n\r\n', 'empty'],
  ['a header only', '.csv', 'a,b\n\n', 'no rows'],
  [
    'a title above the header',
    '.csv',
    'Customers 2026\n\nname,city\nAda,Rome\nBob,Ulm\n',
    'Line 3 has 2 cells',
  ],
  ['a delimiter at the end of each row', '.csv', 'a;b\n1;2;\n3;4;\n5;6;\n', 'the header has 2'],
  ['a line for spreadsheets only', '.csv', 'sep=;\n', 'no header'],
  ['megabytes of line ends', '.csv', '\n'.repeat(5_000_000), 'no header and no records'],
  ['a workbook', '.xlsx', 'PK\x03\x04rest', 'Save the sheet as CSV'],
  ['a workbook called CSV', '.csv', 'PK\x03\x04rest', 'Save the sheet as CSV'],
  ['a Parquet file', '.parquet', 'PAR1rest', 'Parquet'],
  ['a gzip file', '.gz', Uint8Array.of(0x1f, 0x8b, 8), 'Unpack'],
  ['a page', '.csv', '\ufeff\n<!DOCTYPE html>\n<html><title>Sign in</title></html>', 'an HTML page'],
  ['a table of a page', '.xls', '<html><table><tr><td>1</td></tr></table>', 'save it as CSV'],
  ['XML', '.json', '<?xml version="1.0"?>\n<rows/>', 'XML. Export its data'],
  ['NUL bytes', '.csv', 'a,b\n\0\0,1\n', 'NUL'],
  ['UTF-32, little end first', '.csv', utf32('a,b\n1,2\n', 'LE'), 'UTF-32. Save it as UTF-8'],
  ['UTF-32, big end first', '.json', utf32('[{"a":1}]', 'BE'), 'UTF-32. Save it as UTF-8'],
  ['plain words', '.txt', 'just some words\n', 'Give format: csv, tsv, ndjson, json'],
  ['ids', '.txt', '1000\n1001\n', 'is a csv, if a line with a name stands above it'],
])('a file with %s is refused', async (_, extension, content, message) => {
  const opening = openWritten(folder, extension, content);

  await expect(opening).rejects.toMatchObject({
    code: 'source_invalid',
    message: expect.stringContaining(message),
  });
});

test.each([
  ['.csv', 'a,b\n1,2\n', 'csv'],
  ['.TSV', 'a\tb\n1\t2\n', 'tsv'],
  ['.jsonl', '{"a":1}\n', 'ndjson'],
  ['.json', '[{"a":1}]', 'json'],
  ['.json', '{"a":1}\n{"a":2}\n', 'ndjson'],
  ['.jsonl', '[\n{"a":1}\n]', 'json'],
  ['.txt', 'a;b\n1;2\n', 'csv'],
  ['.dat', 'a\tb\n1\t2\n', 'tsv'],
  ['', '{"a":1}\n{"a":2}', 'ndjson'],
  ['', '{"a":1,"tags":["x"]}\n', 'ndjson'],
])('a file named %s with %j is %s', async (extension, content, format) => {
  const source = await openWritten(folder, extension, content);

  expect(source.format).toBe(format);
});

test.each([
  ['the only row', 'a,b\n1\n', ['row_too_short']],
  ['two rows', 'a,b\n1\n2\n', ['row_too_short', 'row_too_short']],
  ['rows of all widths', 'a,b\n1\n2,3,4\n5\n', ['row_too_short', 'row_too_long', 'row_too_short']],
  ['one of several', 'a,b\n1\n2,3\n4\n', ['row_too_short', undefined, 'row_too_short']],
])('%s may fail alone for other cells than the header has', async (_, content, codes) => {
  const rows = await rowsOf(await openWritten(folder, '.csv', content));

  expect(rows.map((row) => (row.kind === 'bad' ? row.code : undefined))).toEqual(codes);
});

test('the format asked for wins', async () => {
  const source = await openWritten(folder, '.json', '{"a":1}\n', { format: 'ndjson' });

  expect(payloads(await rowsOf(source))).toEqual([{ a: 1 }]);
});

test('array_path for another format than JSON is refused', async () => {
  const opening = openWritten(folder, '.csv', 'a\n1\n', { arrayPath: 'data' });

  await expect(opening).rejects.toMatchObject({ message: expect.stringContaining('array_path is for JSON') });
});

const touch = async (path: string) => utimes(path, new Date(), new Date(Date.now() + 5000));
const replace = async (path: string) => {
  await writeFile(`${path}.new`, 'a\n1\n');
  await rename(`${path}.new`, path);
};
test.each([
  ['grew', (path: string) => appendFile(path, '2\n'), 'source_changed'],
  ['was written to', touch, 'source_changed'],
  ['was replaced', replace, 'source_changed'],
  ['was removed', (path: string) => rm(path), 'source_not_found'],
])('a file that %s is not read on', async (_, change, code) => {
  const source = await openWritten(folder, '.csv', 'a\n1\n');
  await expect(reopen(source)).resolves.toBeUndefined();

  await change(source.path);

  await expect(reopen(source)).rejects.toMatchObject({ code });
  await expect(rowsOf(source)).rejects.toMatchObject({ code });
});

test('a file changed while it is read is broken from there on', async () => {
  const source = await openWritten(folder, '.ndjson', '{"a":"0123456789"}\n'.repeat(50_000));

  const read = async () => {
    let rows = 0;
    for await (const batch of readRows(source, { maxRecordBytes: 1000 })) {
      if (rows === 0) await appendFile(source.path, '{"a":2}\n');
      rows += batch.length;
    }
  };

  await expect(read()).rejects.toSatisfy((error) => error instanceof SourceBroken && error.line > 1000);
});

test('reading ends when it is aborted', async () => {
  const source = await openWritten(folder, '.ndjson', '{"a":"0123456789"}\n'.repeat(50_000));
  const stop = new AbortController();

  const read = async () => {
    for await (const batch of readRows(source, { maxRecordBytes: 1000, signal: stop.signal })) {
      expect(batch.length).toBeLessThanOrEqual(1000);
      stop.abort();
    }
  };

  await expect(read()).rejects.toMatchObject({ name: 'AbortError' });
});

const mixed = {
  csv: `a,b\n${Array.from({ length: 30_000 }, (_, i) => (i % 7 === 0 ? `"${i}\n",x` : i % 11 === 0 ? `${i}` : `${i},"y"`)).join('\n')}\n`,
  ndjson: Array.from({ length: 30_000 }, (_, i) => (i % 7 === 0 ? '\n{bad' : `{"i":${i}}`)).join('\n'),
  json: `[${Array.from({ length: 30_000 }, (_, i) => (i % 7 === 0 ? '\n5' : `{"i":${i}}`)).join(',')}]`,
};
test.each(Object.entries(mixed))(
  '%s read on after any number of rows gives exactly the rest',
  async (format, text) => {
    const source = await openWritten(folder, `.${format}`, text);
    const all = await rowsOf(source);
    expect(all).toHaveLength(30_000);

    for (const skipRows of [1, 999, 1000, 12_345, 29_999, 30_000]) {
      const rest = await rowsOf(source, { skipRows });
      expect(rest).toEqual(all.slice(skipRows));
    }
  },
);
