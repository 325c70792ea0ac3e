import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { recordNames } from '../../src/flows/names.ts';
import { parsePipe } from '../../src/flows/pipe-syntax.ts';
import { transforms } from '../../src/flows/transforms/catalogue.ts';
import { cpuMs } from '../support/cpu-time.ts';
import { evaluate, problemsOf } from './evaluate.ts';

const payload = {
  name: 'Ann',
  'First Name': 'Bo',
  'a-b': 1,
  größe: 2,
  items: [{ sku: 'x' }, { sku: 'y' }],
  address: { city: 'Rome' },
  5: 'five',
  braces: '{{ source.name }} | uppercase {% if %}',
};

test.each<[string, JsonValue | undefined]>([
  ['source.name', 'Ann'],
  ['record.name', 'Ann'],
  ['item.name', 'Ann'],
  ['source["First Name"]', 'Bo'],
  ["source['First Name']", 'Bo'],
  ['source.a-b', 1],
  ['source.größe', 2],
  ['source.items[1].sku', 'y'],
  ['source.items.0.sku', 'x'],
  ['source.5', 'five'],
  ['source [ "address" ].city', undefined],
  ['source["address"].city', 'Rome'],
  ['source.items[9].sku', undefined],
  ['source.items.length', undefined],
  ['source.name.length', undefined],
  ['source.constructor', undefined],
  ['source.__proto__', undefined],
  ['source.toString', undefined],
  ['source.braces', payload.braces],
  ['"text"', 'text'],
  ["'it''s'".replace("''", "\\'"), "it's"],
  ['"a\\"b\\\\c\\n"', 'a"b\\c\n'],
  ['"a | b, (c)"', 'a | b, (c)'],
  ['12', 12],
  ['-1.5e2', -150],
  ['true', true],
  ['null', null],
  ['  source.name  |  trim  |  uppercase ', 'ANN'],
  ['source.none|default("|")', '|'],
  ['source.none | default(")")', ')'],
  ['source.name | replace: "A", "B" | lowercase', 'bnn'],
  ['source.name | trim()', 'Ann'],
])('%s finds %j', (text, value) => {
  if (text.startsWith('source [')) return expect(problemsOf(text)).toHaveLength(1);

  expect(evaluate(text, payload)).toEqual(value);
});

test('the whole payload is a value too', () => {
  expect(evaluate('source', payload)).toBe(payload);
});

test.each([
  ['', '0 is empty; write a path such as source.name, or \'""\' for an empty text'],
  [
    'first_name',
    '0 first_name is neither a path nor a text; write source.first_name for the field, or \'"first_name"\' for the text itself',
  ],
  ['sorce.name', '0 sorce.name is neither a path nor a text; did you mean "source.name"?'],
  ['trim', '0 trim needs a value before it; write source.field | trim'],
  ['source.name | trm', '14 unknown transform "trm"; did you mean "trim"?'],
  ['source.name |', '13 expected the name of a transform'],
  ['source.name | | trim', '14 expected the name of a transform'],
  ['source.name trim', '12 expected | or the end, not "trim"; write | trim'],
  [
    'source.a + 1',
    '9 expected | or the end, not "+ 1"; there are no operators; write | add(1) or concat(a, b)',
  ],
  ['source.', '7 expected a key after the dot; write other keys as source["First Name"]'],
  ['source.a b', '9 expected | or the end, not "b"; a key with spaces is written source["a b"]'],
  ['source[first]', '7 expected a number or a text in quotes'],
  ['source["a"', '10 expected ]'],
  ['"open', '0 the quote " is not closed'],
  ['"bad \\d"', '5 a backslash stands only before \\ " \' n r t; write \\\\d for the \\d of a pattern'],
  [
    'source.a | replace_all("^00", "+")',
    '23 search of replace_all is looked for as it is, and looks like a pattern; write replace_pattern("^00", …)',
  ],
  [
    'source.a | replace("/[0-9]+/g", "")',
    '19 search of replace is looked for as it is, and looks like a pattern; write replace_pattern("[0-9]+", …)',
  ],
  [
    'source.a | replace_pattern("/^00/", "+")',
    '27 pattern of replace_pattern has slashes around it; write "^00"',
  ],
  [
    'source.a | replace_pattern("/^00/gi", "+")',
    '27 pattern of replace_pattern has slashes around it; write "^00"',
  ],
  [
    'source.a | replace_pattern("(?=a)", "")',
    expect.stringMatching(
      /^27 pattern of replace_pattern is no pattern, or .*; look-arounds, back references/,
    ),
  ],
  [
    'source.a | extract(source.b)',
    '19 pattern of extract must stand in the flow, not in a record; write it in quotes',
  ],
  ['source.a | default("x"', '22 expected ) after the arguments of default'],
  ['source.a | default(', '19 the text ends too early'],
  ['source.a | default', '11 wrong number of arguments for default(value)'],
  ['source.a | trim(1)', '11 trim takes no arguments'],
  ['source.a | replace("a")', '11 wrong number of arguments for replace(search, replacement)'],
  ['source.a | substring(1, 2, 3)', '11 wrong number of arguments for substring(start, end?)'],
  ...['round("x")', 'round(16)', 'round(1.5)'].map(
    (call) =>
      [
        `source.a | ${call}`,
        '17 decimals of round must be a whole number from 0 to 15, since numbers hold no more decimals',
      ] as [string, string],
  ),
  ['source.a | substring(-1)', '21 start of substring must be a whole number from 0 to 10000'],
  ['source.a | add("1")', '15 number of add must be a number'],
  [
    'source.a | date_format("YYYY-MM-DD")',
    '23 output of date_format cannot have "YYYY" in it; write "yyyy-MM-dd"',
  ],
  ['now("YYYY-DD")', '4 format of now cannot have "YYYY" in it; write "yyyy-dd"'],
  ['source.a | date("%d/%m/%Y")', '16 format of date cannot have "%d" in it; write "dd/MM/yyyy"'],
  [
    'source.a | datetime("dd/MM/yyyy HH:mm a")',
    '20 format of datetime cannot have "a" in it; write "dd/MM/yyyy hh:mm a"',
  ],
  [
    'source.a | datetime("%d.%m.%Y %H:%M %p")',
    '20 format of datetime cannot have "%d" in it; write "dd.MM.yyyy hh:mm a"',
  ],
  ['source.a | date("kkkk-MM-dd")', expect.stringMatching(/^16 .* cannot have "kkkk" in it/)],
  ['source.a | date("yyyy-ooo-dd")', expect.stringMatching(/^16 .* cannot have "ooo" in it/)],
  ['source.a | date("DD.MM.yyyy")', '16 format of date cannot have "DD" in it; write "dd.MM.yyyy"'],
  ['source.a | date("yyyy-mm-dd")', '16 format of date cannot have "mm" in it; write "yyyy-MM-dd"'],
  [
    'source.a | datetime("yyyy-MM-ddTHH:mm")',
    '20 format of datetime cannot have "T" in it; write "yyyy-MM-dd\'T\'HH:mm"',
  ],
  [
    'source.a | date("yyyy X")',
    expect.stringMatching(/^16 .* cannot have "X" in it; a date is yyyy, MM and dd/),
  ],
  [`source.a | date("${'y'.repeat(101)}")`, '16 format of date must be a date format such as "yyyy-MM-dd"'],
  ['source.a | number(";")', '18 decimal_mark of number must be "." or ","'],
  [
    'source.a | lookup(contries)',
    '18 table of lookup: there is no table "contries"; did you mean "countries"?',
  ],
  ['source.a | lookup({a: source.b})', '22 a value of a table is a text, a number, true, false or null'],
  ['source.a | default({a: 1})', '19 value of default must be a text, a number, true, false or null'],
  ['source.a | default(“x”)', '19 “ is no quote here; write " or \' around a text'],
  ['| trim', '0 did not expect | here; write what it begins with, as in source.name | trim'],
  ['12345678901234567890', '0 12345678901234567890 is too large to be held exactly; put it in quotes'],
  ['{a: 1}', '0 a table stands only inside lookup(...)'],
])('%j is refused: %s', (text, problem) => {
  expect(problemsOf(text, { countries: {} })).toEqual([problem]);
});

test('every wrong transform of a pipe is reported', () => {
  expect(problemsOf('source.a | trm | lowercas | default')).toHaveLength(3);
});

test('no text makes the parser throw or take long', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'source',
      '.',
      '[',
      ']',
      '"',
      "'",
      '|',
      '(',
      ')',
      ',',
      ':',
      '{',
      '}',
      ' ',
      '\\',
      '-',
      '1',
      '{{',
      '\n',
      '__proto__',
    ),
    fc.constantFrom(...transforms.map(({ name }) => name)),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );

  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = pieces.join('');
      const begun = cpuMs();
      const parsed = parsePipe(text, recordNames.roots);

      if ('problem' in parsed) expect(parsed.problem.at).toBeLessThanOrEqual(text.length);
      expect(cpuMs() - begun).toBeLessThan(100);
    }),
    { numRuns: 2_000 },
  );
});

test('a text in quotes is read back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const quoted = `"${text.replace(/[\\"]/g, '\\$&')}"`;

      expect(evaluate(`source.none | default(${quoted})`)).toBe(text);
      expect(evaluate(quoted)).toBe(text);
    }),
  );
});

test.each(['(', '{', '[', '"', '| trim', 'source', 'a:', ',', '{a:'])(
  '100,000 of %j are refused quickly',
  (piece) => {
    const begun = cpuMs();

    problemsOf(`source.a | lookup(${piece.repeat(100_000)}`);

    expect(cpuMs() - begun).toBeLessThan(500);
  },
);
