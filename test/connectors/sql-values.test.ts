import { expect } from 'vitest';
import { failureOf, openShop, statement, test } from './open-database.ts';

test.for([
  "O'Neill",
  "'; drop table hostile; --",
  '$1 $2 {{ record.id }} \\ \\x00 %s',
  '" or ""="',
  '\u202e\u{1f600}\ufeff\n\r\t\b',
  '\ud800 alone',
  'x'.repeat(5_000_000),
])('%.20s… is stored as it is', async (value, { url }) => {
  const shop = openShop(url);
  await shop.run(statement('create table if not exists hostile (id text, name text)'));

  const written = await shop.run(
    statement('insert into hostile values ($1, $2) returning name', ['1', value]),
  );
  const read = await shop.run(statement('select name = $1 as same from hostile where name = $1', [value]));

  expect(written.rows).toEqual([{ name: value.toWellFormed() }]);
  expect(read.rows[0]).toEqual({ same: true });
});

test('lists and objects go as JSON, the rest as it is', async ({ url }) => {
  const shop = openShop(url);
  const items = [
    { id: 1, name: "O'Neill" },
    { id: 2, name: null },
  ];

  const { rows } = await shop.run(
    statement(
      'select r.id, r.name, $2::int + 1 as sum, $3::bool as flag, $4::text as nothing, $5::jsonb as doc from json_to_recordset($1::json) as r(id int, name text)',
      [items, 41, true, null, { a: [1] }],
    ),
  );

  expect(rows).toEqual([
    { id: 1, name: "O'Neill", sum: 42, flag: true, nothing: null, doc: { a: [1] } },
    { id: 2, name: null, sum: 42, flag: true, nothing: null, doc: { a: [1] } },
  ]);
});

test.for([
  [
    'NUL in a text',
    'select $1::text',
    'a\0b',
    'character_not_allowed',
    'a character that a text cannot hold',
  ],
  [
    'NUL in JSON',
    'select $1::jsonb',
    { a: '\0' },
    'character_not_allowed',
    'a character that cannot be stored',
  ],
  ['a word as a number', 'select $1::int', 'twelve', 'value_invalid', 'a value that its type cannot hold'],
  ['a number too large', 'select $1::int4', 3e9, 'number_out_of_range', 'number out of range'],
  ['no date', 'select $1::date', 'tomorrowish', 'date_invalid', 'no date or time'],
  ['a value too long', 'insert into short values ($1)', 'abcd', 'value_too_long', 'value too long'],
] as const)('%s is a failure of the data', async ([, text, value, code, words], { url }) => {
  const shop = openShop(url);
  await shop.run(statement('create table if not exists short (name varchar(3))'));

  const failure = await failureOf(shop.run(statement(text, [value])));

  expect(failure).toMatchObject({ class: 'data', code, step: 'save' });
  expect(failure.message).toContain(`shop refused the statement: ${words}`);
  expect(failure.maybeApplied).toBeUndefined();
});

test('a wrong number of values is a failure of the data', async ({ url }) => {
  const shop = openShop(url);

  const failure = await failureOf(shop.run(statement('select $1::int + $2::int', [1])));

  expect(failure).toMatchObject({ class: 'data', code: 'values_miscounted' });
  expect((await shop.run(statement('select 1 as one'))).count).toBe(1);
});

test.for([
  ['true', 'bool', true],
  ['42', 'int2', 42],
  ['-7', 'int4', -7],
  ['9007199254740991', 'int8', 9_007_199_254_740_991],
  ['9007199254740993', 'int8', '9007199254740993'],
  ['20.50', 'numeric', 20.5],
  ['-0.000123', 'numeric', -0.000_123],
  ['1000000000000000000000', 'numeric', '1000000000000000000000'],
  ['1000000', 'numeric', 1_000_000],
  ['0.00', 'numeric', 0],
  ['123456789012345.6', 'numeric', '123456789012345.6'],
  ['0.1234567890123456', 'numeric', '0.1234567890123456'],
  ['NaN', 'numeric', 'NaN'],
  ['0.1', 'float8', 0.1],
  ['-Infinity', 'float8', '-Infinity'],
  ['1.5', 'float4', 1.5],
  ['2024-02-29', 'date', '2024-02-29'],
  ['infinity', 'date', 'infinity'],
  ['2024-02-29 10:00:00.123456', 'timestamp', '2024-02-29T10:00:00.123456'],
  ['10:00:00', 'time', '10:00:00'],
  ['{"a": [1, null]}', 'json', { a: [1, null] }],
  ['{"id": 9007199254740993}', 'jsonb', { id: '9007199254740993' }],
  ['"text"', 'jsonb', 'text'],
  ['null', 'jsonb', null],
  ['\\xdeadbeef', 'bytea', '\\xdeadbeef'],
  ['e0b4ee36-5d49-4eb6-bc5b-0f6aa1b1d4d3', 'uuid', 'e0b4ee36-5d49-4eb6-bc5b-0f6aa1b1d4d3'],
  ['{1,NULL,3}', 'int4[]', [1, null, 3]],
  [
    '{{1,2},{3,4}}',
    'int8[]',
    [
      [1, 2],
      [3, 4],
    ],
  ],
  ['{"a b","c,\\"d",NULL}', 'text[]', ['a b', 'c,"d', null]],
  ['{t,f}', 'bool[]', [true, false]],
  ['{1.50,2}', 'numeric[]', [1.5, 2]],
  ['{"2024-02-29 10:00:00"}', 'timestamp[]', ['2024-02-29T10:00:00']],
  ['{2024-02-29}', 'date[]', ['2024-02-29']],
  ['{"{\\"a\\":1}"}', 'jsonb[]', [{ a: 1 }]],
  ['[2:3]={5,6}', 'int4[]', [5, 6]],
  ['{}', 'int4[]', []],
  ['(1,2)', 'point', '(1,2)'],
  ['1 day', 'interval', '1 day'],
] as const)('%s::%s', async ([text, type, value], { url }) => {
  const { rows } = await openShop(url).run(statement(`select $1::${type} as value`, [text]));

  expect(rows).toEqual([{ value }]);
});

test.for([
  ['UTC', '2024-07-01T10:00:00.5Z'],
  ['Asia/Kolkata', '2024-07-01T15:30:00.5+05:30'],
  ['America/New_York', '2024-07-01T06:00:00.5-04:00'],
])('a time with a zone is an ISO text of the same moment in %s', async ([zone, iso], { url }) => {
  const there = new URL(url);
  there.searchParams.set('options', `-c timezone=${zone}`);

  const { rows } = await openShop(there.href).run(
    statement(
      "select '2024-07-01 10:00:00.5+00'::timestamptz as at, array['2024-07-01 10:00:00.5+00'::timestamptz] as all",
    ),
  );

  expect(rows).toEqual([{ at: iso, all: [iso] }]);
  expect(new Date(iso ?? '').toISOString()).toBe('2024-07-01T10:00:00.500Z');
});

test('dates are ISO texts whatever the database writes otherwise', async ({ url }) => {
  const german = new URL(url);
  german.searchParams.set('options', '-c datestyle=german');

  const { rows } = await openShop(german.href).run(statement("select '2024-02-01'::date as day"));

  expect(rows).toEqual([{ day: '2024-02-01' }]);
});

test('a column may have any name', async ({ url }) => {
  const { rows } = await openShop(url).run(
    statement('select 1 as "__proto__", 2 as "constructor", 3 as "toString"'),
  );

  expect(Object.entries(rows[0] ?? {})).toEqual([
    ['__proto__', 1],
    ['constructor', 2],
    ['toString', 3],
  ]);
});
