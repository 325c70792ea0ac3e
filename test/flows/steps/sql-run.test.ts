import { expect } from 'vitest';
import type { JsonValue } from '../../../src/domain/json.ts';
import { statement as ask, openShop, table, test } from '../../connectors/open-database.ts';
import { type RunOptions, resultOf, run } from './run-flow.ts';

/** A flow of one statement; `head` stands before its steps. */
const flow = (statement: string, head = '') =>
  `${head}steps:\n  one:\n    type: sql\n    connector: shop\n    statement: ${JSON.stringify(statement)}\n`;

const connected = (url: string): RunOptions => ({
  connectors: 'shop: { type: sql, url_env: SHOP_DB_URL, allow_private: true }',
  env: { SHOP_DB_URL: url },
});

test('a place of any kind arrives as the value it is', async ({ url }) => {
  const record = { text: "O'Neill'; drop table x; --", n: 41, flag: true, none: null, list: [1, { a: 'b' }] };

  const result = await resultOf(
    flow(
      'select {{ record.text }} as text, {{ record.n }}::int + 1 as n, {{ record.flag }}::bool as flag, {{ record.none }}::text as none, {{ record.list }}::json as list, {{ record.missing | default("-") }} as missing',
    ),
    record,
    connected(url),
  );

  expect(result).toEqual({ rows: [{ ...record, n: 42, missing: '-' }], count: 1 });
});

test('what a record holds is never part of the statement', async ({ url }) => {
  const name = await table(url, 'kept');
  const hostile = ["'; drop table kept; --", '$1', '{{ record.id }}', "\\'", '"', '*/', '$$', '\u0000x'];
  const outcomes: string[] = [];
  for (const [id, text] of hostile.entries()) {
    const { failure } = await run(
      flow(`insert into ${name} values ({{ record.id }}, {{ record.text }})`),
      { id, text },
      connected(url),
    );
    outcomes.push(failure?.code ?? 'done');
  }

  expect(outcomes).toEqual([...Array.from({ length: 7 }, () => 'done'), 'character_not_allowed']);
  const { rows } = await openShop(url).run(ask(`select name from ${name} order by id`));
  expect(rows.map((row) => row.name)).toEqual(hostile.slice(0, 7));
});

test('$1 and $2 are taken from params', async ({ url }) => {
  const text = `steps:
  one:
    type: sql
    connector: shop
    sql: select $2::text || $1::text as both, $1::text as first
    params: ["{{ record.a }}", "b"]
`;

  expect(await resultOf(text, { a: 'a' }, connected(url))).toMatchObject({
    rows: [{ both: 'ba', first: 'a' }],
  });
});

test('later steps use the rows of earlier ones', async ({ url }) => {
  const text = `steps:
  find:
    type: sql
    connector: shop
    statement: select {{ record.id }}::int as id, 'Ann' as name
  greet:
    type: echo
    message: "Hello {{ steps.find.result.rows[0].name }}, {{ steps.find.result.count }}"
`;

  expect(await resultOf(text, { id: 1 }, connected(url))).toBe('Hello Ann, 1');
});

test('a duplicate is a conflict that names the step', async ({ url }) => {
  const name = await table(url, 'twice');
  const insert = flow(`insert into ${name} values ({{ record.id }}, 'x')`);
  await resultOf(insert, { id: 1 }, connected(url));

  const { failure } = await run(insert, { id: 1 }, connected(url));

  expect(failure).toEqual({
    class: 'conflict',
    code: 'unique_violation',
    connector: 'shop',
    message: 'shop refused the statement: unique violation (twice_pkey)',
    untrustedMessage:
      'duplicate key value violates unique constraint "twice_pkey". Key (id)=(1) already exists.',
    step: 'one',
  });
});

test('a step that takes too long may have been applied', async ({ url }) => {
  const name = await table(url, 'late');
  const text = `${flow(`insert into ${name} select {{ record.id }}::int, pg_sleep(60)::text`)}    timeout: 500ms\n`;

  const { failure } = await run(text, { id: 1 }, connected(url));

  expect(failure).toMatchObject({ class: 'transient', code: 'timeout', step: 'one', maybeApplied: true });
});

test('a statement that waits for its turn loses no time of the step', async ({ url }) => {
  const text = `${flow('select pg_sleep(0.6)')}    timeout: 1s\n    for_each: [1, 2, 3]\n    max_parallel: 3\n`;
  const connectors = 'shop: { type: sql, url_env: SHOP_DB_URL, allow_private: true, concurrency: 1 }';

  const { failure } = await run(text, {}, { ...connected(url), connectors });

  expect(failure).toBeUndefined();
});

test('a select that changes something says so, and a lost answer counts', async ({ url }) => {
  const text = `${flow('select pg_sleep(60)')}    timeout: 500ms\n    effects: true\n`;

  expect((await run(text, {}, connected(url))).failure).toMatchObject({
    code: 'timeout',
    maybeApplied: true,
  });
});

const items = [
  { id: 1, name: 'Ann' },
  { id: 2, name: 'Bob' },
  { id: 3, name: 'Cid' },
];
const chunk = (url: string): RunOptions => ({ ...connected(url), indexes: [10, 11, 12] });
const records = 'json_to_recordset({{ items }}::json) as r(id int, name text)';

test('a chunk goes into the database in one statement', async ({ url }) => {
  const name = await table(url, 'chunk');

  const result = await resultOf(
    flow(`insert into ${name} select * from ${records}`, 'size: 3\n'),
    items,
    chunk(url),
  );

  expect(result).toEqual({ rows: [], count: 3 });
  expect((await openShop(url).run(ask(`select * from ${name} order by id`))).rows).toEqual(items);
});

const numbered = `
  select (n - 1)::int as {column}, i ->> 'name' as name
  from json_array_elements({{ items }}::json) with ordinality as list(i, n)
  where {where}
  order by n desc`;
const rowsOf = (column: string, where: string) =>
  flow(numbered.replace('{column}', column).replace('{where}', where), 'size: 3\n');

test.for(['index', 'item_index'])(
  'with a column %s each item has its row, or null',
  async (column, { url }) => {
    const result = await resultOf(rowsOf(column, 'n <> 2'), items, chunk(url));

    expect(result).toEqual([{ [column]: 0, name: 'Ann' }, null, { [column]: 2, name: 'Cid' }]);
  },
);

test('without any row each item has null', async ({ url }) => {
  expect(await resultOf(rowsOf('index', 'false'), items, chunk(url))).toEqual([null, null, null]);
});

test.for<[string, string, JsonValue]>([
  ['counted from 1', 'n::int', 'the column index must be the position of an item, counted from 0'],
  ['no number', "'a'", 'the column index must be the position of an item, counted from 0'],
  ['null', 'null::int', 'the column index must be the position of an item, counted from 0'],
  ['given twice', '0', 'the column index names an item twice; return one row for each'],
])('a position that is %s is refused', async ([, column, message], { url }) => {
  const text = flow(
    `select ${column} as index from json_array_elements({{ items }}::json) with ordinality as list(i, n)`,
    'size: 3\n',
  );

  const { failure } = await run(text, items, chunk(url));

  expect(failure).toMatchObject({ class: 'data', code: 'rows_unassigned', message, step: 'one' });
});

test('outside of chunks a column named index means nothing', async ({ url }) => {
  expect(await resultOf(flow('select 5 as index'), {}, connected(url))).toEqual({
    rows: [{ index: 5 }],
    count: 1,
  });
});
