import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SourceBroken } from '../../src/sources/source.ts';
import { brokenReading, openWritten, payloads, rowsOf, temporaryFolder, verdicts } from './written-file.ts';

const folder = await temporaryFolder();

test('the elements of an array are the rows, with the lines they begin on', async () => {
  const source = await openWritten(
    folder,
    '.json',
    '\ufeff[\n  {"a": "]},["},\n\n  {\n    "a": "\\"\\\\"\n  }\n]\n',
  );

  const rows = await rowsOf(source);

  expect(payloads(rows)).toEqual([{ a: ']},[' }, { a: '"\\' }]);
  expect(verdicts(rows)).toEqual(['2 ok', '4 ok']);
});

test('array_path leads to an array inside objects, past others of the same name', async () => {
  const document = {
    items: 1,
    meta: { items: [{ no: 1 }] },
    list: [{ data: { items: [] } }],
    data: { x: {}, items: [{ a: 1 }, { a: 2 }] },
  };
  const source = await openWritten(folder, '.json', JSON.stringify({ ...document, after: [1] }), {
    arrayPath: 'data.items',
  });

  expect(source.arrayPath).toBe('data.items');
  expect(payloads(await rowsOf(source))).toEqual([{ a: 1 }, { a: 2 }]);
});

test.each([
  ['{"data.items":[{"a":1}]}', 'data.items'],
  ['{"data":"of May","data.items":[{"a":1}]}', 'data.items'],
  ['{"data":[{"a":2}],"data.items":[{"a":1}]}', 'data.items'],
  ['{"export":{"v1.2":{"items":[{"a":1}]}}}', 'export.v1.2.items'],
  ['{"data":{"items":[{"a":1}]},"data.items":[{"a":2}]}', 'data.items'],
  ['{"data.items":5,"data":{"items":[{"a":1}]}}', 'data.items'],
  ['{"data.items":{"of":[{"a":2}]},"data":{"items":[{"a":1}]}}', 'data.items'],
])(
  'a name in the array_path may hold dots, and the first array that fits is taken: %s',
  async (text, path) => {
    const source = await openWritten(folder, '.json', text, { arrayPath: path });

    await expect(openWritten(folder, '.json', text)).rejects.toThrow(`"${path}"`);
    expect(payloads(await rowsOf(source))).toEqual([{ a: 1 }]);
  },
);

test('a document whose lines begin with braces is not taken for NDJSON', async () => {
  const text = '{"features":[{"a":1},\n{"a":2}]}';
  const source = await openWritten(folder, '.json', text, { arrayPath: 'features' });

  expect(payloads(await rowsOf(source))).toEqual([{ a: 1 }, { a: 2 }]);
});

test.each([
  [
    'no array_path for an object',
    '{"data":{"items":[1]},"tags":[]}',
    undefined,
    'not an array. Give array_path: the document has arrays at "data.items", "tags"',
  ],
  [
    'a name that is not there',
    '{"items":[1]}',
    'data.items',
    'no array at "data.items". Give array_path: the document has arrays at "items"',
  ],
  ['a path to an object', '{"data":{}}', 'data', 'no array at "data"'],
  [
    'a path to a number',
    '{"data":5,"b":[1]}',
    'data',
    'no array at "data". Give array_path: the document has arrays at "b"',
  ],
  ['a path through an array', '{"data":[{"items":[1]}]}', 'data.items', 'no array at "data.items"'],
  ['a path into an array document', '[{"a":1}]', 'data', 'no array at "data"'],
  ['a scalar document', '"text"', undefined, 'is not an array'],
  ['an empty array', '[ \n ]', undefined, 'no elements'],
  ['a mistake in the first element', '[{"a":1,}]', undefined, 'mistake'],
  ['an end inside the first element', '[{"a":1}', undefined, 'ends too early'],
])('%s is refused before anything starts', async (_, text, arrayPath, message) => {
  const opening = openWritten(folder, '.json', text, {
    format: 'json',
    ...(arrayPath === undefined ? {} : { arrayPath }),
  });

  await expect(opening).rejects.toMatchObject({
    code: 'source_invalid',
    message: expect.stringContaining(message),
  });
});

test.each([
  ['{"a":1},\n{"a":\n', 'ends too early', 4],
  ['{"a":1},\n{"a":"x]\n', 'ends too early', 4],
  ['{"a":1},\n{"a":1 "b":2}]', 'mistake on line 3', 3],
  ['{"a":1},\n{\n"a":1,\n"b"\n:2 2}]', 'mistake on line 6', 6],
  ['{"a":1},\n,{"a":2}]', 'mistake', 3],
  ['{"a":1},\n]', 'mistake', 3],
  ['{"a":1}]\n[{"a":2}]', 'other text follows', 3],
])('a document that goes wrong after its first element is broken there: %j', async (rest, message, line) => {
  const source = await openWritten(folder, '.json', `[\n${rest}`);

  const { rows, error } = await brokenReading(source);

  expect(payloads(rows)).toEqual([{ a: 1 }]);
  expect(error).toBeInstanceOf(SourceBroken);
  expect(error).toMatchObject({ line, message: expect.stringContaining(message) });
});

test('an element that is no object, too large or of rounded numbers fails alone', async () => {
  const long = JSON.stringify({ a: 'x'.repeat(600_000) });
  const source = await openWritten(
    folder,
    '.json',
    `[{"a":1},\n2,\n${long},\n{"a":9007199254740993},\n{"a":5}]`,
  );

  const rows = await rowsOf(source, { maxRecordBytes: 1000 });

  expect(verdicts(rows)).toEqual([
    '1 ok',
    '2 not_an_object',
    '3 record_too_large',
    '4 number_too_large',
    '5 ok',
  ]);
});

test('elements on one line are told apart by their index', async () => {
  const text = '[{"a":1},2,{"a":9007199254740993},{"a":}]';
  const source = await openWritten(folder, '.json', text);

  const { rows, error } = await brokenReading(source);

  expect(rows.map((row) => row.kind === 'bad' && row.message.split(' has ')[0])).toEqual([
    false,
    'The element with index 1 (line 1)',
    'The element with index 2 (line 1)',
  ]);
  expect(error).toMatchObject({ message: expect.stringContaining('the element with index 3') });
});

test('any array of objects is read back, however it is laid out', async () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(object, { minLength: 1, maxLength: 8 }),
      fc.constantFrom(0, 2, '\t'),
      async (list, indent) => {
        const values = JSON.parse(JSON.stringify(list));
        const text = JSON.stringify({ first: values[0], 'the list': { of: values } }, null, indent);
        const source = await openWritten(folder, '.json', text, { arrayPath: 'the list.of' });

        const rows = await rowsOf(source);

        const small = rows.filter((row) => row.kind === 'record' || row.code !== 'number_too_large');
        expect(payloads(small)).toEqual(
          values.filter((_: unknown, index: number) => rows[index]?.kind === 'record'),
        );
      },
    ),
    { numRuns: 150 },
  );
});

test('nesting of a hundred thousand levels breaks nothing', async () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  const source = await openWritten(folder, '.json', `[{"a":${deep}},{"a":2}]`);

  const rows = await rowsOf(source);

  expect(rows).toHaveLength(2);
});
