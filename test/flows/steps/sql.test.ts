import { expect, test } from 'vitest';
import { compileSql } from '../../../src/flows/steps/sql-statement.ts';
import { cpuMs, limitFor } from '../../support/cpu-time.ts';
import { compiled, problemsIn } from './run-flow.ts';

/** A flow of one statement, which begins at 5:16. */
const flow = (statement: string, rest = '') =>
  `steps:\n  one:\n    type: sql\n    connector: shop\n    statement: ${JSON.stringify(statement)}\n${rest}`;

/** What is sent for a statement whose places are found by their braces. */
function sent(statement: string) {
  const places = [...statement.matchAll(/\{\{.*?\}\}/g)].map(({ index, 0: { length } }) => ({
    begin: index,
    end: index + length,
  }));
  return compileSql(statement, places);
}

test.each([
  ['select {{ a }}', 'select $1'],
  ['select {{ a }}::int + {{ b }} where x = {{ a }}', 'select $1::int + $2 where x = $3'],
  ['insert into t values ({{ a }},{{ b }})', 'insert into t values ($1,$2)'],
  ["select 'it''s', {{ a }}, 'x'", "select 'it''s', $1, 'x'"],
  ["select E'it\\'s', {{ a }}", "select E'it\\'s', $1"],
  ['select "a ""b""", {{ a }}', 'select "a ""b""", $1'],
  ["select $$it's$$, {{ a }}, $tag$ $$ ' $tag$", "select $$it's$$, $1, $tag$ $$ ' $tag$"],
  ["/* it's /* nested */ ' */ select {{ a }} -- it's", "/* it's /* nested */ ' */ select $1 -- it's"],
  [
    'select substring({{ a }} from {{ b }}), x is distinct from {{ c }}',
    'select substring($1 from $2), x is distinct from $3',
  ],
  ['select {{ a }};\n -- the end\n', 'select $1;\n -- the end\n'],
])('%s is sent as %s', (statement, text) => {
  const { sql, problems } = sent(statement);

  expect(problems).toEqual([]);
  expect(sql.text).toBe(text);
});

test.each([
  [
    "select '{{ record.a }}'",
    '5:25 statement: a place cannot stand inside quotes: it becomes a parameter; write {{ record.a }}',
  ],
  [
    "select '%{{ record.a }}%' ",
    "5:26 statement: a place cannot stand inside quotes: it becomes a parameter; write '%' || {{ record.a }} || '%'",
  ],
  ["select E'\\\\{{ record.a }}", "write E'\\\\' || {{ record.a }}"],
  [
    'select "{{ record.a }}"',
    'statement: a place stands for a value, never for a name; write the name itself',
  ],
  ['select $$ {{ record.a }} $$', '5:27 statement: a place cannot stand inside $$ … $$'],
  ['select 1 -- {{ record.a }}', '5:29 statement: a place cannot stand in a comment; remove it'],
  ['select /* {{ record.a }} */ 1', 'cannot stand in a comment'],
  ['select * from t_{{ record.a }}', 'never for a name or a part of something'],
  ['select {{ record.a }}0', 'never for a name or a part of something'],
  ['select $' + '{{ record.a }}', 'never for a name or a part of something'],
  ['insert into {{ record.a }} values (1)', 'never for a name or a part of something'],
  ['update {{ record.a }} set x = 1', 'never for a name or a part of something'],
  ['select 1; drop table t', '5:27 statement: a second statement begins here; write a step for each'],
  ['select 1;; select 2', 'a second statement begins here'],
  [' ', 'statement: is empty'],
  ['-- nothing', 'statement: is empty'],
  ['select \0', 'statement: holds a NUL character'],
  ['begin', '"begin" cannot be used in a step; each statement is a transaction of its own'],
  ['Commit', '"commit" cannot be used in a step'],
  ["set search_path = 'x'", '"set" cannot be used in a step; connections are shared'],
  ['copy t from stdin', '"copy" cannot be used in a step; insert … select … from json_to_recordset'],
  ['select {{ record.a }}, $1', 'a statement with {{ places }} takes no $1 besides'],
  ['select $1', "must have 1 values, one for each of the statement's $1, $2, …"],
  ['select {{ nothing.a }}', 'statement'],
  ['select {{ record.a', 'the braces are not closed'],
])('%j is refused: %s', (statement, problem) => {
  expect(problemsIn(flow(statement)).join('\n')).toContain(problem);
});

test.each([
  ['select $1, $2', '["{{ record.a }}", 2]', []],
  ['select $1, $1', '[1]', []],
  ['select $1, $2', '[1]', ["6:13 params must have 2 values, one for each of the statement's $1, $2, …"]],
  ['select 1', '[1]', ["6:13 params must have 0 values, one for each of the statement's $1, $2, …"]],
  ['select $1, $3', '[1, 2, 3]', ['5:24 statement: has no $2, but higher ones']],
  [
    'select {{ record.a }}',
    '[1]',
    ['6:13 params belongs to a statement with $1, $2, …; this one has its values in {{ places }}'],
  ],
  ['select \'$1\', "$2", $$ $3 $$, a$4 -- $5', '[]', []],
  [
    'select $999999999',
    '[1]',
    [
      '5:24 statement: has more than 1000 parameters',
      "6:13 params must have 999999999 values, one for each of the statement's $1, $2, …",
    ],
  ],
  [
    'select $1',
    '["{{ nothing.a }}"]',
    [expect.stringContaining('6:18 params.0: there is no name "nothing" here')],
  ],
])('%s with params %s', (statement, params, problems) => {
  expect(problemsIn(flow(statement, `    params: ${params}\n`))).toEqual(problems);
});

test('a statement written as a block is pointed into', () => {
  const text = `steps:
  one:
    type: sql
    connector: shop
    statement: |
      -- who it is
      select *
      from customers
        where name = '{{ record.name }}'
`;

  expect(problemsIn(text)).toEqual([
    '9:23 statement: a place cannot stand inside quotes: it becomes a parameter; write {{ record.name }}',
  ]);
});

test.each([
  ['steps: [{ type: sql, statement: select 1 }]', 'connector is missing'],
  ['steps: [{ type: sql, connector: shop }]', 'statement is missing'],
  [
    'steps: [{ type: sql, connector: shop, sql: select 1, statement: select 1 }]',
    'sql is another word for statement; give one',
  ],
  [
    'steps: [{ type: sql, connector: "{{ record.c }}", sql: select 1 }]',
    'connector must be the name of a connector',
  ],
  ['steps: [{ type: sql, connector: shop, query: select 1 }]', 'unknown key "query"'],
])('%s: %s', (text, problem) => {
  expect(problemsIn(text).join('\n')).toContain(problem);
});

test.each([
  ['select 1', false],
  ['  (select 1) union (select 2)', false],
  ['VALUES (1)', false],
  ['table t', false],
  ['show search_path', false],
  ['explain select 1', false],
  ['with a as (select 1) select * from a', false],
  ['select \'insert into x\', "delete" from t -- update', false],
  ['select 1 from t for update skip locked', false],
  ['select 1 from t for no key update', false],
  ['with a as (insert into t values (1) returning 1) select * from a', true],
  ['with a as (delete from t returning 1) select * from a', true],
  ['explain analyze insert into t values (1)', true],
  ['select 1 into t2', true],
  ['insert into t values (1)', true],
  ['update t set a = 1', true],
  ['merge into t using s on true when matched then delete', true],
  ['call work()', true],
  ['create table t (id int)', true],
  ['do $$ begin end $$', true],
])('%s has effects: %s', (statement, hasEffects) => {
  expect(compiled(flow(statement)).hasEffects).toBe(hasEffects);
});

test('the author knows better what a function does', () => {
  expect(compiled(flow('select register({{ record.id }})', '    effects: true\n')).hasEffects).toBe(true);
});

test('a flow says which database it needs, that a person has to approve it, and what it does', () => {
  const { connectors, needs, summary } = compiled(flow('insert into t values ({{ record.id }})'));

  expect(connectors).toEqual([{ name: 'shop', type: 'sql' }]);
  expect(needs.approval).toEqual(['sql steps reach a database']);
  expect(summary).toBe('one (INSERT shop)');
});

test('a long hostile statement is read in no time', () => {
  const begun = cpuMs();
  for (const piece of ["'", '"', '$a$', '/*', "E'\\", '--', '$', ';', "select '{{ record.a }}"]) {
    sent(piece.repeat(50_000));
  }

  const tookMs = cpuMs() - begun;
  expect(tookMs).toBeLessThan(limitFor(tookMs, 1_000));
});
