import { describe, expect } from 'vitest';
import { failureOf, openShop, sessions, statement, table, test, until } from './open-database.ts';

describe('answers', () => {
  test('rows come with the names of their columns and a count', async ({ url }) => {
    const shop = openShop(url);

    const answer = await shop.run(
      statement('select n as id, $1 as name from generate_series(1, 2) n', ['Ann']),
    );

    expect(answer).toEqual({
      rows: [
        { id: 1, name: 'Ann' },
        { id: 2, name: 'Ann' },
      ],
      columns: ['id', 'name'],
      count: 2,
    });
  });

  test('a write says how many rows it touched, and columns are named without rows too', async ({ url }) => {
    const shop = openShop(url);
    await table(url, 'touched');

    expect(await shop.run(statement("insert into touched values (1, 'a'), (2, 'b')"))).toEqual({
      rows: [],
      columns: [],
      count: 2,
    });
    expect(await shop.run(statement('delete from touched where id > 5 returning id'))).toEqual({
      rows: [],
      columns: ['id'],
      count: 0,
    });
  });

  test('10,000 rows are an answer and one more is not', async ({ url }) => {
    const shop = openShop(url, { concurrency: 1 });

    expect((await shop.run(statement('select generate_series(1, 10000)'))).rows).toHaveLength(10_000);
    const failure = await failureOf(shop.run(statement('select generate_series(1, 10000000)')));

    expect(failure).toEqual({
      class: 'data',
      code: 'too_many_rows',
      connector: 'shop',
      message: 'shop answered with more than 10000 rows',
      step: 'save',
    });
    expect((await shop.run(statement('select 1 as one'))).rows).toEqual([{ one: 1 }]);
  });

  test('a write with too many rows to return is done, and says that it may be', async ({ url }) => {
    const shop = openShop(url);
    await table(url, 'many', 'id int');

    const failure = await failureOf(
      shop.run(statement('insert into many select generate_series(1, 10001) returning id')),
    );

    expect(failure).toMatchObject({ class: 'data', code: 'too_many_rows', maybeApplied: true });
    expect((await shop.run(statement('select count(*) as n from many'))).rows).toEqual([{ n: 10_001 }]);
  });

  test('an answer of more than 8 MiB is refused', async ({ url }) => {
    const shop = openShop(url);

    const failure = await failureOf(
      shop.run(statement("select repeat('x', 1000000) from generate_series(1, 9)")),
    );

    expect(failure).toMatchObject({ class: 'data', code: 'response_too_large' });
  });

  test('sixty statements at once share five connections', async ({ url }) => {
    const shop = openShop(url);
    // Those of the tests before may still be on their way out.
    await until(shop, `not exists (select ${sessions} and pid <> pg_backend_pid())`);

    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        shop.run(statement(`select $1::int as n, count(*) as open ${sessions}`, [n])),
      ),
    );

    expect(answers.map(({ rows }) => rows[0]?.n)).toEqual(Array.from({ length: 60 }, (_, n) => n));
    expect(Math.max(...answers.map(({ rows }) => Number(rows[0]?.open)))).toBeLessThanOrEqual(5);
  });
});

describe('refusals', () => {
  test.for<[statement: string, errorClass: string, code: string, words: string]>([
    ['insert into rules values (1, 1, 1)', 'conflict', 'unique_violation', 'unique violation (rules_pkey)'],
    ['insert into rules values (2, null, 1)', 'data', 'not_null_violation', 'not-null violation (needed)'],
    ['insert into rules values (2, 1, 99)', 'data', 'check_violation', 'check violation (rules_n_check)'],
    [
      'insert into parts values (77)',
      'data',
      'foreign_key_violation',
      'foreign key violation (parts_id_fkey)',
    ],
    ['selec 1', 'data', 'sql_invalid', 'syntax error'],
    ['select nothing from rules', 'data', 'sql_invalid', 'a column that is not there'],
    ['select 1 from nowhere', 'data', 'sql_invalid', 'a table that is not there'],
    ['select 1; select 2', 'data', 'sql_invalid', 'syntax error'],
    ['select 1/0', 'data', 'division_by_zero', 'division by zero'],
    ["do $$ begin raise 'no %', 'way'; end $$", 'data', 'sql_p0001', 'error P0001'],
    [
      "do $$ begin raise 'again' using errcode = '40001'; end $$",
      'transient',
      'serialization_failure',
      'it met another transaction',
    ],
    ["do $$ begin raise 'again' using errcode = '40P01'; end $$", 'transient', 'deadlock', 'deadlock'],
    ['create table pg_catalog.mine (id int)', 'auth', 'permission_denied', 'permission denied'],
  ])('%s: %s', async ([text, errorClass, code, words], { url }) => {
    const shop = openShop(url);
    await shop.run(
      statement(
        'create table if not exists rules (id int primary key, needed int not null, n int check (n < 10))',
      ),
    );
    await shop.run(statement('create table if not exists parts (id int references rules)'));
    await shop.run(statement('insert into rules values (1, 1, 1) on conflict do nothing'));

    const failure = await failureOf(shop.run(statement(text)));

    expect(failure).toMatchObject({
      class: errorClass,
      code,
      message: `shop refused the statement: ${words}`,
      step: 'save',
    });
    expect(failure.maybeApplied).toBeUndefined();
    expect((await shop.run(statement('select 1 as one'))).count).toBe(1);
  });

  test('what the server says is only in the untrusted message', async ({ url }) => {
    const shop = openShop(url);
    await table(url, 'said');
    const insert = statement('insert into said values (1, $1)', ['Ann']);
    await shop.run(insert);

    const failure = await failureOf(shop.run(insert));

    expect(failure).toEqual({
      class: 'conflict',
      code: 'unique_violation',
      connector: 'shop',
      message: 'shop refused the statement: unique violation (said_pkey)',
      untrustedMessage:
        'duplicate key value violates unique constraint "said_pkey". Key (id)=(1) already exists.',
      step: 'save',
    });
  });

  test('a statement that leaves a transaction open takes its connection along', async ({ url }) => {
    const shop = openShop(url, { concurrency: 1 });
    await table(url, 'open_end');

    await shop.run(statement('begin'));
    await shop.run(statement("insert into open_end values (1, 'a')"));

    expect((await openShop(url).run(statement('select count(*) as n from open_end'))).rows).toEqual([
      { n: 1 },
    ]);
  });
});
