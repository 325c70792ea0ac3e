import { expect, test } from 'vitest';
import { openWritten, payloads, rowsOf, temporaryFolder, verdicts } from './written-file.ts';

const folder = await temporaryFolder();

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
const utf16le = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');
const utf16be = (text: string) => utf16le(text).swap16();

test.each([
  ['UTF-8', '.csv', bytes('name,price\nZoë,5 €\n')],
  ['UTF-16, little end first', '.csv', utf16le('name,price\r\nZoë,5 €\r\n')],
  ['UTF-16, big end first', '.csv', utf16be('name\tprice\nZoë\t5 €\n')],
  ['windows-1252', '.csv', bytes('name;price\nZo', [0xeb], ';5 ', [0x80], '\n')],
  ['UTF-16 NDJSON', '.ndjson', utf16le('{"name":"Zoë","price":"5 €"}\n')],
  ['UTF-16 JSON', '.json', utf16be('[{"name":"Zoë","price":"5 €"}]')],
])('%s is read', async (_, extension, content) => {
  const source = await openWritten(folder, extension, content);

  expect(payloads(await rowsOf(source))).toEqual([{ name: 'Zoë', price: '5 €' }]);
});

test('characters survive being cut by the blocks a file is read in', async () => {
  const names = Array.from({ length: 60_000 }, (_, index) => `${index}-Zoë-日本-😀`);
  const utf8 = await openWritten(folder, '.csv', `name\n${names.join('\n')}\n`);
  const utf16 = await openWritten(folder, '.csv', utf16le(`name\n${names.join('\n')}\n`));
  const json = await openWritten(folder, '.json', JSON.stringify(names.map((name) => ({ name }))));

  const expected = names.map((name) => ({ name }));
  expect(payloads(await rowsOf(utf8))).toEqual(expected);
  expect(payloads(await rowsOf(utf16))).toEqual(expected);
  expect(payloads(await rowsOf(json))).toEqual(expected);
});

test.each([
  ['.csv', bytes('name\nZoë\nZo', [0xeb], '\nAda\n')],
  ['.ndjson', bytes('\n{"name":"Zoë"}\n{"name":"Zo', [0xeb], '"}\n{"name":"Ada"}\n')],
  ['.json', bytes('[\n{"name":"Zoë"},\n{"name":"Zo', [0xeb], '"},\n{"name":"Ada"}]\n')],
  [
    '.csv',
    Buffer.concat([utf16le('name\nZoë\nZo'), Buffer.from([0x00, 0xd8]), Buffer.from('\nAda\n', 'utf16le')]),
  ],
])(
  'bytes that are no text spoil their own row in a %s that is otherwise right',
  async (extension, content) => {
    const source = await openWritten(folder, extension, content);

    const rows = await rowsOf(source);

    expect(verdicts(rows)).toEqual(['2 ok', '3 invalid_encoding', '4 ok']);
    expect(rows[1]).toMatchObject({ message: expect.stringContaining('Save the file as UTF-8') });
  },
);

test('a header with bytes that are no text is refused for that', async () => {
  const opening = openWritten(folder, '.csv', bytes('Zo', [0xeb], ',price\nZoë,5\n'));

  await expect(opening).rejects.toThrow(
    'The header on line 1 has bytes that are not valid text. Save the file as UTF-8.',
  );
});

test('JSON in another encoding is refused with the line', async () => {
  const opening = openWritten(folder, '.ndjson', bytes('{"name":"Ada"}\n{"name":"Zo', [0xeb], '"}\n'));

  await expect(opening).rejects.toMatchObject({
    code: 'source_invalid',
    message: expect.stringContaining('Line 2 is not valid UTF-8'),
  });
});
