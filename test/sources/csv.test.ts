import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SourceBroken } from '../../src/sources/source.ts';
import { brokenReading, openWritten, payloads, rowsOf, temporaryFolder, verdicts } from './written-file.ts';

const folder = await temporaryFolder();

test('a row is a record of strings, and an empty cell is ""', async () => {
  const source = await openWritten(folder, '.csv', 'id,name\n1,Ada\n2,\n');

  expect(await rowsOf(source)).toEqual([
    { kind: 'record', line: 2, payload: { id: '1', name: 'Ada' } },
    { kind: 'record', line: 3, payload: { id: '2', name: '' } },
  ]);
});

test.each([
  ['commas', 'a,b\n1,2\n'],
  ['semicolons beside decimal commas', 'a;b\n1;2\n'],
  ['tabs', 'a\tb\n1\t2\n'],
  ['bars', 'a|b\n1|2\n'],
  ['a comma inside a quoted name', '"a";b\n1;2\n'],
  ['a spreadsheet that names its delimiter', 'sep=;\na;b\n1;2\n'],
  ['a byte order mark', '\ufeffa,b\n1,2\n'],
  ['Windows line ends', 'a,b\r\n1,2\r\n'],
  ['carriage returns alone', 'a,b\r1,2\r'],
  ['no line end at the end', 'a,b\n1,2'],
  ['blanks around the names', ' a , b \n1,2\n'],
  ['blank lines', '\n\na,b\n\n  \n1,2\n\r\n\n'],
])('%s are understood', async (_, text) => {
  const source = await openWritten(folder, '.csv', text);

  expect(payloads(await rowsOf(source))).toEqual([{ a: '1', b: '2' }]);
});

test('lines are counted as an editor counts them, quoted line ends and blank lines included', async () => {
  const source = await openWritten(folder, '.csv', 'a,b\n"x\ny",1\n\n"p\r\nq\r\nr",2\n"",3\n');

  const rows = await rowsOf(source);

  expect(rows.map(({ line }) => line)).toEqual([2, 5, 8]);
  expect(payloads(rows)).toEqual([
    { a: 'x\ny', b: '1' },
    { a: 'p\r\nq\r\nr', b: '2' },
    { a: '', b: '3' },
  ]);
});

test('a row with too few or too many cells fails alone', async () => {
  const source = await openWritten(folder, '.csv', 'a,b,c\n1,2,3\n1,2\n1,2,3,4\n5,6,7\n8\n');

  const rows = await rowsOf(source);

  expect(verdicts(rows)).toEqual(['2 ok', '3 row_too_short', '4 row_too_long', '5 ok', '6 row_too_short']);
  expect(rows[1]).toMatchObject({
    message: 'Line 3 has 2 cells; the header has 3.',
    payload: { a: '1', b: '2', c: '' },
  });
  expect(rows[2]).toMatchObject({ payload: { a: '1', b: '2', c: '3', _cell_4: '4' } });
  expect(rows[4]).toMatchObject({ message: 'Line 6 has 1 cell; the header has 3.' });
});

test.each([
  ['inside a cell', '5" pipe,1'],
  ['after a closing one', '"5"x,1'],
  ['after a blank', '1, "x"'],
  ['at the end of an open cell', 'x"'],
])('a stray quotation mark %s spoils its own row only', async (_, row) => {
  const source = await openWritten(folder, '.csv', `a,b\n1,2\n${row}\n"3","4"\n"5\n6",7\n`);

  const rows = await rowsOf(source);

  expect(verdicts(rows)).toEqual(['2 ok', '3 stray_quote', '4 ok', '5 ok']);
  expect(payloads(rows)[3]).toEqual({ a: '5\n6', b: '7' });
});

test('between tabs a quotation mark that begins no cell is a character', async () => {
  const source = await openWritten(folder, '.tsv', 'a\tb\n1\t5" pipe\n"2\n3"\tx\n4"\t\n"5"x\t1\n');

  const rows = await rowsOf(source);

  expect(verdicts(rows)).toEqual(['2 ok', '3 ok', '5 ok', '6 stray_quote']);
  expect(payloads(rows.slice(0, 3))).toEqual([
    { a: '1', b: '5" pipe' },
    { a: '2\n3', b: 'x' },
    { a: '4"', b: '' },
  ]);
});

test('rows swallowed by a quotation mark that is never closed in its row are named together', async () => {
  const source = await openWritten(folder, '.csv', 'a,b\n"1,2\n3,4\n"x",5\n6,7\n');

  const rows = await rowsOf(source);

  expect(verdicts(rows)).toEqual(['2 stray_quote', '5 ok']);
  expect(rows[0]).toMatchObject({ message: expect.stringContaining('lines 2 to 4') });
});

test('a file that ends inside a quoted cell is broken where the cell began', async () => {
  const source = await openWritten(folder, '.csv', 'a,b\n1,2\n3,"4\n5,6\n7,8\n');

  const { rows, error } = await brokenReading(source);

  expect(payloads(rows)).toEqual([{ a: '1', b: '2' }]);
  expect(error).toBeInstanceOf(SourceBroken);
  expect(error).toMatchObject({ line: 3 });
});

test('a row over the limit fails alone and its line ends are still counted', async () => {
  const long = 'x'.repeat(3000);
  const content = `a,b\n1,${long}\n2,"${long}\n${long}"\n"p\n${long}\n""",3\n4,5\n`;
  const source = await openWritten(folder, '.csv', content);

  const rows = await rowsOf(source, { maxRecordBytes: 2048 });

  expect(verdicts(rows)).toEqual(['2 record_too_large', '3 record_too_large', '5 record_too_large', '8 ok']);
  expect(rows[0]).toMatchObject({
    payload: { _too_large: 3002, _preview: expect.stringMatching(/^1,x{198}$/) },
  });
});

test('a quoted cell over the limit that goes on from block to block ends where it is closed', async () => {
  const before = '1,2\n'.repeat(32_700);
  const source = await openWritten(
    folder,
    '.csv',
    `a,b\n${before}3,"${'x'.repeat(300_000)}\n4,5\n",6\n7,8\n`,
  );

  const rows = await rowsOf(source, { maxRecordBytes: 2048 });

  expect(verdicts(rows).slice(32_700)).toEqual(['32702 record_too_large', '32705 ok']);
});

test('a column named __proto__ is a column', async () => {
  const source = await openWritten(folder, '.csv', '__proto__,constructor\nx,y\n');

  const [row] = payloads(await rowsOf(source));

  expect(Object.entries(row as object)).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
  expect(Object.hasOwn({}, 'x')).toBe(false);
});

test('a stray NUL spoils nothing but what checkPayload says of its row', async () => {
  const source = await openWritten(folder, '.csv', `a,b\n${'1,2\n'.repeat(20)}x\0y,2\n`);

  expect(payloads(await rowsOf(source)).at(-1)).toEqual({ a: 'x\0y', b: '2' });
});

test.each([
  ['the same name twice', 'id,email,name,email\n', /Columns 2 and 4 are both named "email"/],
  ['a column without a name', 'id,,name\n', /Column 2 has no name/],
  ['a stray quotation mark', 'id,5" pipe\n', /^The header on line 1 has a stray quotation mark/],
  ['a stray one over two lines', 'id,"a\nb"c\n', /^The header on lines 1 to 2 has a stray quotation mark/],
  [
    'more than a megabyte',
    `id,${'x'.repeat(1_100_000)}\n`,
    /^The header on line 1 has 1100003 bytes; at most/,
  ],
])('a header with %s is refused before anything starts', async (_, header, message) => {
  const opening = openWritten(folder, '.csv', `${header}1,2,3,4\n`);

  await expect(opening).rejects.toMatchObject({
    code: 'source_invalid',
    message: expect.stringMatching(message),
  });
});

test('whatever csv-stringify writes is read back', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'é', '😀', '"', ',', ';', '\n', '\r', ' ', '=', '') });
  const row = fc.tuple(cell, cell, cell);
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), fc.boolean(), async (rows, quoted) => {
      const text = stringify(rows, { header: true, columns: ['x', 'y', 'z'], quoted });
      const source = await openWritten(folder, '.csv', text);

      const read = await rowsOf(source);

      expect(payloads(read)).toEqual(rows.map(([x, y, z]) => ({ x, y, z })));
    }),
    { numRuns: 150 },
  );
});
