import fc from 'fast-check';
import { DateTime } from 'luxon';
import { expect, test } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { transforms, transformsByName } from '../../src/flows/transforms/catalogue.ts';
import { isDateFormat } from '../../src/flows/transforms/date-format.ts';
import { omitted } from '../../src/flows/transforms/transform.ts';
import { cpuMs } from '../support/cpu-time.ts';
import { evaluate, failureOf } from './evaluate.ts';

/** A pipe over `source.v`, the value there (undefined: none), and what comes out. */
const cases: readonly (readonly [pipe: string, value: JsonValue | undefined, result: unknown])[] = [
  ['default("x")', undefined, 'x'],
  ['default("x")', null, 'x'],
  ['default("x")', '', 'x'],
  ['default("x")', ' ', ' '],
  ['default("x")', 0, 0],
  ['default("x")', false, false],
  ['default(0)', '', 0],
  ['default(null)', '', null],
  ['default("")', undefined, ''],
  ['default: ""', undefined, ''],
  ['default(unknown)', undefined, 'unknown'],
  ['default(source.other)', '', 'other'],
  ['required', 'a', 'a'],
  ['required', 0, 0],
  ['required', false, false],
  ['omit_if_null', '', omitted],
  ['omit_if_null', null, omitted],
  ['omit_if_null', undefined, omitted],
  ['omit_if_null', 'a', 'a'],
  ['coalesce(source.none, source.other)', '', 'other'],
  ['coalesce(source.other)', 'first', 'first'],
  ['coalesce(source.none)', undefined, undefined],

  ['uppercase', 'straße', 'STRASSE'],
  ['upcase', 'a', 'A'],
  ['lowercase', 'ÀB', 'àb'],
  ['downcase', 'A', 'a'],
  ['trim', ' \ta\u00a0', 'a'],
  ['strip', ' a ', 'a'],
  ['trim', undefined, undefined],
  ['trim', null, null],
  ['trim', 12, '12'],
  ['trim', [' a', 'b '], ['a', 'b']],
  ['capitalize', 'ann LEE', 'Ann LEE'],
  ['capitalize', '', ''],
  ['replace("a", "b")', 'aaa', 'baa'],
  ['replace("a", "$&$1")', 'xa', 'x$&$1'],
  ['replace(" ", "")', 'a b c', 'ab c'],
  ['replace_all(".", "-")', 'a.b.c', 'a-b-c'],
  ['replace_all("", "x")', 'ab', 'ab'],
  ['replace_pattern("^00", "+")', '0049 00', '+49 00'],
  ['replace_pattern("[^0-9+]", "")', '+49 (30) 12-34', '+49301234'],
  ['regex_replace("([0-9]+)\\\\.([0-9]+)", "$2/$1 $$ $& $3")', 'on 31.12', 'on 12/31 $ 31.12 '],
  ['replace_pattern("x*", "-")', 'axb', '-a--b-'],
  ['replace_pattern("a", "b")', ['a', 'ca', 1, null], ['b', 'cb', '1', null]],
  ['extract("[0-9]+")', 'No. 12 of 34', '12'],
  ['extract("^.")', '𠮷野', '𠮷'],
  ['extract("(..)$")', 'a😀\ue000b😎', 'b😎'],
  ['replace_pattern("[^a-z]", "-")', 'a😀\ue000b', 'a--b'],
  ['replace_pattern("(.)a", "😎$1")', '😀a\ue000a', '😎😀😎\ue000'],
  ['replace_pattern("^(.).*", "$1.")', '😀😀', '😀.'],
  ['replace_pattern("😀+", "x")', '😀a', 'xa'],
  ['replace_pattern("[\\\\ud800-\\\\udfff]", "")', 'a😀b', 'ab'],
  ['replace_pattern("<.{1,50}?>", "")', '<b>hi</b>', 'hi'],
  ['extract("\\"(.{0,40}?)\\"")', 'x "a" and "b"', 'a'],
  ['extract("x.{20,}?x")', `x${'a'.repeat(20)}xax`, `x${'a'.repeat(20)}x`],
  ['extract("([0-9]+) kg")', '5 lb, 12 kg', '12'],
  ['extract("x")', 'abc', undefined],
  ['regex_extract("x") | default("none")', 'abc', 'none'],
  ['substring(1)', 'abc', 'bc'],
  ['substring(0, 2)', 'abc', 'ab'],
  ['substring(5)', 'abc', ''],
  ['truncate(2)', 'abc', 'ab'],
  ['truncate(9)', 'abc', 'abc'],
  ['substring(1, 3)', 'Hi😀x', 'i😀'],
  ['substring(1)', '😀x', 'x'],
  ['truncate(3)', 'Hi😀x', 'Hi😀'],
  ['truncate(0)', '😀', ''],
  ['pad_left(3, "0")', 7, '007'],
  ['pad_left(4, "ab😀")', '😀', 'ab😀😀'],
  ['pad_left(3, "")', 'a', 'a'],
  ['pad_right(3, "😀")', 'a', 'a😀😀'],
  ['pad_left(3)', 'a', '  a'],
  ['pad_left(2, 0)', '1234', '1234'],
  ['pad_right(3, "x")', 'a', 'axx'],
  ['slug', ' Crème  Brûlée! ', 'creme-brulee'],
  ['escape_xml', `<a href="x">R&D's</a>`, '&lt;a href=&quot;x&quot;&gt;R&amp;D&#39;s&lt;/a&gt;'],
  ['escape_xml', 'a\u0000\u000bb\n\tü', 'ab\n\tü'],
  ['url_encode', 'a b/ü', 'a%20b%2F%C3%BC'],
  ['hash', 'abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],

  ['number', '42', 42],
  ['number', 42.5, 42.5],
  ['number', ' 007 ', 7],
  ['number', '-1.5e3', -1500],
  ['number', '.5', 0.5],
  ['number', '1,234.50', 1234.5],
  ['number', '1,234,567', 1234567],
  ['number', '$1,234.50', 1234.5],
  ['number', '-€5', -5],
  ['number', '12 €', 12],
  ['number', '1 234 567,00'.replace(',', '.'), 1234567],
  ['number', "1'234.5", 1234.5],
  ['number', '1\u00a0234', 1234],
  ['number(",")', '1.234,50', 1234.5],
  ['number(",")', '1234,5', 1234.5],
  ['number(",")', '7', 7],
  ['number', '3.14159265358979312', Math.PI],
  ['number', '0.33333333333333333333', 1 / 3],
  ['number', '9999999999999.99', 9999999999999.99],
  ['number', '12345678901234.50000000', 12345678901234.5],
  ['number', '0.10000000000000000000', 0.1],
  ['number', '00000000000000000.5', 0.5],
  ['number', '123456789012345.6e-10', 12345.67890123456],
  ['fixed(2)', '99999999999999.99', '99999999999999.99'],
  ['number', '', undefined],
  ['number', '  ', undefined],
  ['number', null, undefined],
  ['number | default(0)', '', 0],
  ['number', '9007199254740991', Number.MAX_SAFE_INTEGER],
  ['integer', '7', 7],
  ['integer', '7.0', 7],
  ['decimal(2)', '3.14159', 3.14],
  ['decimal(2)', '12', 12],
  ['fixed(2)', '3.5', '3.50'],
  ['fixed(2)', 1.005, '1.01'],
  ['fixed(2)', '99999999999999.99', '99999999999999.99'],
  ['fixed(2)', '99999999999999.995', '100000000000000.00'],
  ['fixed(20)', '0.12345678901234567894', '0.12345678901234567894'],
  ['fixed(18)', 1.5, '1.500000000000000000'],
  ['fixed(0)', '-2.5', '-3'],
  ['fixed(1)', '-0.04', '0.0'],
  ['fixed(2)', '$1,234.567', '1234.57'],
  ['fixed(2)', '.5', '0.50'],
  ['fixed(1)', '007', '7.0'],
  ['fixed(3)', '1.5e3', '1500.000'],
  ['fixed(3)', 1e-7, '0.000'],
  ['fixed(8)', '2.5e-7', '0.00000025'],
  ['fixed(2)', '', undefined],
  ['round', 2.5, 3],
  ['round', -2.5, -3],
  ['round(2)', 1.005, 1.01],
  ['round(7)', 1.5e-7, 2e-7],
  ['round(2)', -1e-9, 0],
  ['decimal(8)', '0.000000105', 1.1e-7],
  ['round(15)', 0.1, 0.1],
  ['round(1)', '0.04', 0],
  ['abs', '-3', 3],
  ['floor', -1.5, -2],
  ['ceil', 1.2, 2],
  ['add(0.2)', 0.1, 0.3],
  ['plus(1)', '1', 2],
  ['subtract(1)', 3, 2],
  ['minus(source.two)', 3, 1],
  ['add(source.many)', 1, 1201.5],
  ['multiply(1.1)', 3, 3.3],
  ['times(2)', 4, 8],
  ['divide(4)', 1, 0.25],
  ['divided_by(3)', 1, 0.333333333333333],
  ['add(0.5)', 1767225600123456, 1767225600123456.5],
  ['divide(1000)', 1767225600123456, 1767225600123.456],
  ['add(0)', '123456789012.3456', 123456789012.3456],
  ['subtract(1)', 1.1, 0.1],
  ['subtract(1000)', 1000.1, 0.1],
  ['subtract(1)', 1.005, 0.005],
  ['add(1)', -1.005, -0.005],
  ['subtract(1)', 1.000000000000001, 0.000000000000001],
  ['add(1e-7)', 2e-7, 3e-7],
  ['add(1)', undefined, undefined],

  ...['true', 'YES', 'y', '1', ' on '].map((word) => ['boolean', word, true] as const),
  ...['false', 'No', 'n', '0', 'off'].map((word) => ['boolean', word, false] as const),
  ['boolean', true, true],
  ['boolean', 0, false],
  ['boolean', '', undefined],
  ['string', 12.5, '12.5'],
  ['string', true, 'true'],
  ['string', { a: 1 }, '{"a":1}'],
  ['string', null, null],
  ['json', { a: [1] }, '{"a":[1]}'],
  ['json', undefined, undefined],
  ['parse_json', '{"a":[1]}', { a: [1] }],
  ['parse_json', '', undefined],
  ['parse_json', '[9007199254740991,0.1,1e3]', [Number.MAX_SAFE_INTEGER, 0.1, 1000]],
  ['parse_json', [1], [1]],
  ['lookup({de: "Germany", "at": "Austria"})', 'de', 'Germany'],
  ['lookup({de: "Germany"})', 'fr', undefined],
  ['lookup({de: "Germany"}) | default("other")', 'fr', 'other'],
  ['lookup(de: "Germany", fr: France)', 'fr', 'France'],
  ['lookup({1: true, 2: 3.5, 3: null})', 1, true],
  ['lookup({01067: Dresden, 10115: Berlin})', '01067', 'Dresden'],
  ['lookup({01067: Dresden, 10115: Berlin})', '1067', undefined],
  ['lookup({01067: Dresden, 10115: Berlin})', 10115, 'Berlin'],
  ['lookup({a: 1})', 'constructor', undefined],
  ['lookup({a: 1})', '__proto__', undefined],
  ['concat("-", source.other)', 'a', 'a-other'],
  ['concat(source.none, 1, true)', 'a', 'a1true'],

  ['date', '2026-01-31', '2026-01-31'],
  ['date', '2026-01-31T23:30:00-05:00', '2026-01-31'],
  ['date', '2026-01-31 10:00', '2026-01-31'],
  ['date("dd/MM/yyyy")', '31/01/2026', '2026-01-31'],
  ['date(dd.MM.yyyy)', '31.01.2026', '2026-01-31'],
  ['date("d MMM yyyy")', '1 Feb 2026', '2026-02-01'],
  ['date', '', undefined],
  ['date', null, undefined],
  ['datetime', '2026-01-31T10:00:00Z', '2026-01-31T10:00:00.000Z'],
  ['datetime', '2026-01-31T10:00:00+02:00', '2026-01-31T10:00:00.000+02:00'],
  ['datetime', '2026-01-31', '2026-01-31T00:00:00.000Z'],
  ['datetime("X")', '1711929600', '2024-04-01T00:00:00.000Z'],
  ['datetime("x")', 1711929600123, '2024-04-01T00:00:00.123Z'],
  ['date("x")', '-1', '1969-12-31'],
  ['number | subtract(25569) | multiply(86400) | datetime("X")', '45383.75', '2024-04-01T18:00:00.000Z'],
  ['datetime("dd/MM/yyyy HH:mm")', '31/01/2026 09:05', '2026-01-31T09:05:00.000Z'],
  ['date_format("dd.MM.yyyy")', '2026-01-31', '31.01.2026'],
  ['date_format("yyyy", "dd/MM/yy")', '31/01/26', '2026'],
  ['date_format("d MMMM yyyy")', '2026-03-01', '1 March 2026'],
  ['date_format("yyyy年MM月dd日")', '2026-03-01', '2026年03月01日'],
  ['date_format("d \'Day\' yyyy")', '2026-03-01', '1 Day 2026'],
  ['date_format(source.form)', '2026-03-01', '01.03.26'],
  ['timestamp', '1970-01-02', 86_400],

  ['split', 'a,b', ['a', 'b']],
  ['split("; ")', 'a; b', ['a', 'b']],
  ['split', '', []],
  ['split("")', 'H😀', ['H', '😀']],
  ['split("")', 'ab', ['a', 'b']],
  ['split', undefined, undefined],
  ['split | trim', 'a , b', ['a', 'b']],
  ['join', ['a', 1, null], 'a,1,'],
  ['join(" ")', ['a', 'b'], 'a b'],
  ['join', 'text', 'text'],
  ['first', [1, 2], 1],
  ['first', [], undefined],
  ['last', [1, 2], 2],
  ['size', [1, 2], 2],
  ['length', 'abc', 3],
  ['size', 'a😀', 2],
  ['size', undefined, 0],
  ['unique', ['a', 'b', 'a'], ['a', 'b']],
  ['sort', [10, 9, 1], [1, 9, 10]],
  ['sort', ['b', 'a'], ['a', 'b']],
];

test.each(cases)('source.v | %s, with %j, is %j', (pipe, value, result) => {
  const payload = {
    other: 'other',
    two: 2,
    many: '1,200.5',
    form: 'dd.MM.yy',
    ...(value === undefined ? {} : { v: value }),
  };

  expect(evaluate(`source.v | ${pipe}`, payload)).toEqual(result);
});

/** A pipe over `source.v`, a value it cannot use, the code, and the end of the message. */
const failures: readonly (readonly [
  pipe: string,
  value: JsonValue | undefined,
  code: string,
  message: string,
])[] = [
  ['required', undefined, 'required_field_missing', 'is missing, and the field is required'],
  ['required', null, 'required_field_missing', 'is null, and the field is required'],
  ['required', ' \t', 'required_field_missing', 'is empty, and the field is required'],
  ['trim | required', ' ', 'required_field_missing', 'is empty, and the field is required'],
  ['uppercase', { a: 1 }, 'text_expected', 'is an object, not a text'],
  ['number', 'abc', 'number_expected', 'is not a number'],
  [
    'number',
    '1.234,50',
    'number_expected',
    'is not a number; for a comma before the decimals write number(",")',
  ],
  ['number', '1,23', 'number_expected', 'is not a number; for a comma before the decimals write number(",")'],
  ['number', '12%', 'number_expected', 'is not a number'],
  ['number', '(12)', 'number_expected', 'is not a number'],
  ['number', '0x10', 'number_expected', 'is not a number'],
  ['number', 'NaN', 'number_expected', 'is not a number'],
  [
    'number',
    '0,125',
    'number_expected',
    'is not a number; for a comma before the decimals write number(",")',
  ],
  [
    'number',
    '-0,005',
    'number_expected',
    'is not a number; for a comma before the decimals write number(",")',
  ],
  [
    'number',
    '012,345',
    'number_expected',
    'is not a number; for a comma before the decimals write number(",")',
  ],
  ['number(",")', '0.125', 'number_expected', 'is not a number'],
  [
    'date("X")',
    1767225600000,
    'date_expected',
    'is not a date in the form X; for milliseconds since 1970 it is x',
  ],
  ['number', 'Infinity', 'number_expected', 'is not a number'],
  ['number', '1e999', 'number_too_large', 'is too large to be held exactly; send it as text'],
  ['number', '99999999999999.99', 'number_too_large', 'has more digits than a number holds; send it as text'],
  [
    'round(1)',
    '1,234,567,890,123,456.789',
    'number_too_large',
    'has more digits than a number holds; send it as text',
  ],
  ['number', '9007199254740993', 'number_too_large', 'is too large to be held exactly; send it as text'],
  ['number', '9007199254740993.0', 'number_too_large', 'is too large to be held exactly; send it as text'],
  ['multiply(9007199254740991)', 3, 'number_too_large', 'becomes too large to calculate'],
  ['number', true, 'number_expected', 'is not a number'],
  ['integer', '7.5', 'integer_expected', 'is not a whole number'],
  ['divide(0)', 1, 'division_by_zero', 'is divided by zero'],
  ['multiply(source.v)', 1e200, 'number_too_large', 'becomes too large to calculate'],
  [
    'add(source.other)',
    1,
    'argument_invalid',
    'needs a number as number of add, and source.other is something else',
  ],
  [
    'add(source.none)',
    1,
    'argument_invalid',
    'needs a number as number of add, and source.none is not there',
  ],
  ['add(source.empty)', 1, 'argument_invalid', 'needs a number as number of add, and source.empty is empty'],
  [
    'add(source.hex)',
    1,
    'argument_invalid',
    'needs a number as number of add, and source.hex is something else',
  ],
  [
    'pad_left(source.v)',
    99_999,
    'argument_invalid',
    'needs a whole number from 0 to 10000 as width of pad_left, and source.v is something else',
  ],
  ['boolean', 'maybe', 'boolean_expected', 'is not true or false, yes or no'],
  ['parse_json', '{', 'json_expected', 'is not JSON'],
  ...['{"id":12345678901234567890}', '[[1,1e400]]', '-9007199254740993'].map(
    (text) =>
      [
        'parse_json',
        text,
        'number_too_large',
        'has a number beyond 2^53, which would be rounded; write it in quotes, as a string',
      ] as const,
  ),
  [
    'date',
    '31/01/2026',
    'date_expected',
    'is not a date in the form 2026-01-31; for other forms name the format, as in date("dd/MM/yyyy")',
  ],
  [
    'date',
    '2026-02-30',
    'date_expected',
    'is not a date in the form 2026-01-31; for other forms name the format, as in date("dd/MM/yyyy")',
  ],
  ['date("x")', '3/4/24', 'date_expected', 'is not a date in the form x'],
  ['date("X")', '1e400', 'date_expected', 'is not a date in the form X'],
  ['date("X")', '99999999999999', 'date_expected', 'is not a date in the form X'],
  ['date("dd/MM/yyyy")', '2026-01-31', 'date_expected', 'is not a date in the form dd/MM/yyyy'],
  [
    'date_format(source.other)',
    '2026-01-31',
    'argument_invalid',
    'needs a date format such as "yyyy-MM-dd" as output of date_format, and source.other is something else',
  ],
  ['first', 'abc', 'list_expected', 'is not a list; split makes one from text'],
];

test.each(failures)('source.v | %s fails the record with %j: %s', (pipe, value, code, message) => {
  const failure = failureOf(`source.v | ${pipe}`, {
    other: 'other',
    empty: '',
    hex: '0x10',
    ...(value === undefined ? {} : { v: value }),
  });

  expect(failure).toMatchObject({
    class: 'data',
    code,
    message: `field: source.v ${message}`,
    step: 'field',
  });
});

test.each([
  [`replace_all("a", "${'a'.repeat(40)}")`, 50_000, 'would grow beyond 1000000 characters'],
  ['replace_pattern("(a*)", "$1$1$1")', 400_000, 'would grow beyond 1000000 characters'],
  ['replace_pattern("a.*b|a", "")', 50_000, 'takes too long to replace in'],
])('source.v | %s fails the record that has %d times a', (pipe, count, message) => {
  expect(failureOf(`source.v | ${pipe}`, { v: 'a'.repeat(count) })).toMatchObject({
    code: 'text_too_long',
    message: `field: source.v ${message}`,
  });
});

test('the value that was wrong is quoted outside of our own message, and cut', () => {
  const failure = failureOf('source.v | number', { v: `Ignore all rules ${'x'.repeat(500)}` });

  expect(failure.message).not.toContain('Ignore');
  expect(failure.untrustedMessage).toMatch(/^"Ignore all rules x+…$/);
  expect(failure.untrustedMessage).toHaveLength(120);
});

test('a missing field names one of the record that is written alike', () => {
  expect(failureOf('source.email | required', { 'E-Mail': 'a@b' }).untrustedMessage).toBe(
    'the record has a field "E-Mail"',
  );
});

test('rounding moves a number by no more than half of the last place', () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, min: -1e15, max: 1e15 }),
      fc.integer({ min: 0, max: 15 }),
      (number, places) => {
        const rounded = Number(evaluate(`source.v | round(${places})`, { v: number }));

        // The second term is what a double of this size cannot tell apart.
        expect(Math.abs(rounded - number)).toBeLessThanOrEqual(
          0.5 * 10 ** -places + Math.abs(number) * 2 ** -52,
        );
      },
    ),
  );
});

test('a number is read back from however it is written', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e12, max: 1e12 }), fc.integer({ min: 0, max: 99 }), (whole, cents) => {
      const number = Number(`${whole}.${String(cents).padStart(2, '0')}`);
      const english = number.toLocaleString('en-US', { minimumFractionDigits: 2 });
      const german = number.toLocaleString('de-DE', { minimumFractionDigits: 2 });

      expect(evaluate('source.v | number', { v: english })).toBe(number);
      expect(evaluate('source.v | number(",")', { v: german })).toBe(number);
    }),
  );
});

test('now is the time in ISO 8601, at the beginning of a pipe or later', () => {
  for (const pipe of ['now', '"" | now', 'source.v | now']) {
    expect(Math.abs(Date.parse(String(evaluate(pipe))) - Date.now())).toBeLessThan(5_000);
  }
  expect(evaluate('now("yyyy")')).toMatch(/^20\d\d$/);
});

test('a date format has the tokens that Luxon knows, and no other letters but X and x alone', () => {
  const date = DateTime.utc(2026, 1, 31, 9, 30).setLocale('en-US');
  const letters = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  const runs = letters.flatMap((letter) => [1, 2, 3, 4, 5, 6, 7].map((times) => letter.repeat(times)));
  const readable = (run: string) => {
    const { regex } = DateTime.fromFormatExplain('', run, { locale: 'en-US' });
    return run === 'z' || !/\(([a-zA-Z])\1*\)/.test(String(regex));
  };

  expect(runs.filter((run) => isDateFormat(run, 'write'))).toEqual(
    runs.filter((run) => date.toFormat(run) !== run),
  );
  expect(runs.filter((run) => isDateFormat(run, 'read'))).toEqual(
    runs.filter((run) => readable(run) || /^x$/i.test(run)),
  );
  expect(isDateFormat('yyyy X', 'read')).toBe(false);
});

test('concat and coalesce begin a pipe', () => {
  const payload = { first: 'Ann', last: 'Lee' };

  expect(evaluate('concat(source.first, " ", source.last) | uppercase', payload)).toBe('ANN LEE');
  expect(evaluate('coalesce(source.nick, source.first)', payload)).toBe('Ann');
});

test('a table of the lookups block is found by its name', () => {
  const lookups = { countries: { de: 'Germany' } };

  expect(evaluate('source.c | lookup(countries)', { c: 'de' }, lookups)).toBe('Germany');
  expect(evaluate('source.c | lookup("countries")', { c: 'de' }, lookups)).toBe('Germany');
});

test('every name and alias is there once, with a line of documentation', () => {
  const names = transforms.flatMap(({ name, aliases = [] }) => [name, ...aliases]);

  expect(transformsByName.size).toBe(names.length);
  for (const { doc } of transforms) expect(doc).toMatch(/^\S.{5,}$/);
});

test('every transform is tried here', () => {
  const tried = [...cases, ...failures].flatMap(([pipe]) => pipe.match(/[a-z_]+/g) ?? []);

  expect(
    transforms.map(({ name }) => name).filter((name) => name !== 'now' && !tried.includes(name)),
  ).toEqual([]);
});

test.each([
  'number',
  'number(",")',
  'date',
  'slug',
  'trim',
  'boolean',
  'lowercase | capitalize',
  'parse_json',
  'replace_pattern("(1|1,)*$", "")',
  'extract("(.*)-0$")',
])('%s takes no time over a long hostile text', (pipe) => {
  for (const piece of ['1,', ' ', '1 ', '-', '$', '[', 'é', '0']) {
    const payload = { v: piece.repeat(300_000 / piece.length) };
    const begun = cpuMs();
    try {
      evaluate(`source.v | ${pipe}`, payload);
    } catch {
      // Whether the value is fine is not asked here.
    }
    expect(cpuMs() - begun).toBeLessThan(400);
  }
});
