import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { test as base, expect } from 'vitest';
import type { Failure } from '../../src/domain/failure.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import { redactionOf } from '../../src/flows/redaction.ts';
import { type ExportFormat, exportFormats, writeExport } from '../../src/operations/export-file.ts';
import { failureRows, redacted } from '../../src/operations/write-error-files.ts';
import { checkPayload } from '../../src/sources/check-payload.ts';
import { cellsInto } from '../../src/sources/corrected-payload.ts';
import { readCorrectedRows } from '../../src/sources/corrected-rows.ts';
import { openFileSource } from '../../src/sources/open-file.ts';
import { readCell, writeCell } from '../../src/sources/spreadsheet-cells.ts';

const test = base.extend<{ folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-round-trip-'));
    await use(folder);
    rmSync(folder, { recursive: true, force: true });
  },
});

const failure: Failure = { class: 'data', code: 'http_422', message: '=cmd', untrustedMessage: 'a;b\r\n"c"' };
const redaction = redactionOf(['secret']);

/** Writes payloads as an error export does. */
async function exported(folder: string, payloads: readonly JsonValue[], format: ExportFormat = 'csv') {
  const path = join(folder, `errors.${format}`);
  await writeExport(folder, path, format, {
    ...failureRows,
    async *rows() {
      for (const [index, payload] of payloads.entries()) {
        const record = {
          index,
          id: `id-${index}`,
          status: 'failed',
          attempts: 1,
          failure,
          groupId: 'g',
          deadLetter: false,
          payload,
        } as const;
        yield redacted(record, redaction);
      }
    },
  });
  return path;
}

/** What the payloads become by a file: by their index, or the problem of a line. */
async function corrected(folder: string, path: string, payloads: readonly JsonValue[]) {
  const source = await openFileSource({ path }, { folders: [folder], home: folder });
  const found = new Map<number, JsonValue>();
  const problems: string[] = [];
  const { signal } = new AbortController();
  const job = { batchJobId: 'job', idField: null, idOf: () => null };
  const rows = readCorrectedRows({ source, ...job, maxRecordBytes: 1_000_000, signal });
  for await (const batch of rows) {
    for (const row of batch) {
      if ('problem' in row) {
        problems.push(`${row.line}: ${row.problem}`);
        continue;
      }
      const index = 'index' in row.key ? row.key.index : -1;
      const original = payloads[index] ?? null;
      const made = row.correct([{ payload: original, exported: redaction.payload(original) }]);
      if ('problem' in made) problems.push(`${row.line}: ${made.problem}`);
      else found.set(index, made.payload);
    }
  }
  return { found, problems };
}

/** Texts that spreadsheets, delimiters and escapes trip over. */
const hardText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    '+49 30',
    '-5',
    '=1+1',
    "'=1",
    "''=1",
    '@x',
    '007',
    '1,5',
    ' a ',
    'a\r\nb',
    '\r',
    '\t',
    ';',
    'a;b|c',
    '"',
    'true',
    '',
    '\ufeff',
  ),
);
const anyPayload = fc
  .dictionary(
    fc.oneof(
      hardText,
      fc.constantFrom('_index', '_error', 'secret', '__proto__', 'a.b', 'toString', 'sep=;'),
    ),
    fc.oneof(hardText, fc.jsonValue({ maxDepth: 3 })),
    { maxKeys: 6 },
  )
  .map((payload) => JSON.parse(JSON.stringify(payload)) as JsonValue)
  .filter((payload) => checkPayload(payload, 1_000_000).ok);

test('a file that nobody has touched changes no payload, in any form', async ({ folder }) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyPayload, { minLength: 1, maxLength: 8 }),
      fc.constantFrom(...exportFormats),
      async (payloads, format) => {
        const path = await exported(folder, payloads, format);

        const { found, problems } = await corrected(folder, path, payloads);

        expect(problems).toEqual([]);
        expect([...found]).toEqual([...payloads.entries()]);
      },
    ),
    { numRuns: 150 },
  );
});

test('a cell with any other value of its type says that value', () => {
  const pairs = fc.oneof(
    fc.tuple(hardText, hardText),
    fc.tuple(fc.maxSafeInteger(), fc.maxSafeInteger()),
    fc.tuple(fc.boolean(), fc.boolean()),
    fc.tuple(fc.array(hardText), fc.array(fc.jsonValue())),
  );

  fc.assert(
    fc.property(pairs, ([was, is]) => {
      const value = JSON.parse(JSON.stringify(is)) as JsonValue;
      const sameLines = (text: JsonValue) => (typeof text === 'string' ? text.replace(/\r\n?/g, '\n') : text);

      const read = readCell(writeCell(value), was);

      expect('value' in read && sameLines(read.value)).toEqual(sameLines(value));
    }),
    { numRuns: 500 },
  );
});

const customer = {
  name: 'Ada; "first"',
  phone: '+49 30 1',
  code: '007',
  balance: '-5',
  amount: 1.5,
  active: true,
  tags: ['a', 'b'],
  note: null,
  secret: 'x',
};

/** The export with `change` applied to its table. */
function edit(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}

test('a spreadsheet may write the file its own way', async ({ folder }) => {
  const path = await exported(folder, [customer]);
  const text = [
    'active;_index;amount;code;name;phone;balance;tags;note;secret;_error;city',
    `WAHR;0;1,5;007;"Ada; ""first""";'+49 30 1;'-5;"[""a"",  ""b""]";;[redacted];whatever;`,
    '',
  ].join('\r\n');
  writeFileSync(path, `\ufeff${text}`);

  const { found, problems } = await corrected(folder, path, [customer]);

  expect(problems).toEqual([]);
  expect(found.get(0)).toEqual(customer);
});

test('characters that a spreadsheet could not save are no change', async ({ folder }) => {
  const payload = { name: 'Łukasz 🚀', city: 'Köln' };
  const path = await exported(folder, [payload]);
  writeFileSync(path, Buffer.from('name,city,_index\n?ukasz ??,K\u00f6ln 2,0\n', 'latin1'));

  const { found } = await corrected(folder, path, [payload]);

  expect(found.get(0)).toEqual({ name: 'Łukasz 🚀', city: 'Köln 2' });
});

test.each([
  ['007', '7', '007'],
  ['01.50', '1.5', '01.50'],
  ['4930123456789', '4.93012E+12', '4930123456789'],
  ['4930123456789', '4,93012E+12', '4930123456789'],
  [4930123456789, '4.93012E+12', 4930123456789],
  ['12345678901234567890', '12345678901234567891', '12345678901234567891'],
  ['7', '007', '007'],
  ['007', '8', '8'],
  ['1.5', '1,5', '1,5'],
  ['2024-01-05', '2024-01-06', '2024-01-06'],
  ['Łukasz 🚀', '?ukasz ?', 'Łukasz 🚀'],
  ['Łukasz 🚀', '?ukasz ??', 'Łukasz 🚀'],
  ['Łukasz?', 'Lukasz?', 'Lukasz?'],
  [1.5, '12,50', 12.5],
  [1.5, '1,500', 1.5],
  [1.5, '2,500', '2,500'],
])('the cell of %j that comes back as %j stands for %j', async (was, cell, is) => {
  const cells = { value: cell };

  const made = cellsInto(cells)([{ payload: { value: was }, exported: { value: was } }]);

  expect(made).toEqual({ payload: { value: is } });
});

test('a changed cell takes the type of what it was, and a new column is a new field', async ({ folder }) => {
  const path = await exported(folder, [customer]);
  const text = [
    'phone\tcode\tbalance\tamount\tactive\ttags\tnote\tsecret\tcity\t_index',
    `'+49 40 2\t008\t-6\t2.50\tFALSE\t"[""c""]"\tcall\tz\tBerlin\t0`,
  ].join('\n');
  writeFileSync(path, text);

  const { found } = await corrected(folder, path, [customer]);

  expect(found.get(0)).toEqual({
    name: customer.name,
    phone: '+49 40 2',
    code: '008',
    balance: '-6',
    amount: 2.5,
    active: false,
    tags: ['c'],
    note: 'call',
    secret: 'z',
    city: 'Berlin',
  });
});

test('what does not fit its type stays a text, an emptied value is null, and broken JSON is told by its line', async ({
  folder,
}) => {
  const path = await exported(folder, [customer, customer]);
  writeFileSync(path, '_index,amount,active,tags\n0,"12.345,50",perhaps,\n1,,,"[a"\n');

  const { found, problems } = await corrected(folder, path, [customer, customer]);

  expect(found.get(0)).toMatchObject({ amount: '12.345,50', active: 'perhaps', tags: null });
  expect(problems).toEqual(['3: "tags" is no JSON any more; it was a list or a map']);
});

test('rows that are for no record are told by their line in the file', async ({ folder }) => {
  const path = await exported(folder, [customer]);
  edit(path, (text) => `${text}${','.repeat(13)}\nx${','.repeat(9)}one,,,,\n`);

  const { problems } = await corrected(folder, path, [customer]);

  expect(problems).toEqual([
    '4: has no _index, so it is for no record',
    '5: has an _index that is no whole number',
  ]);
});
