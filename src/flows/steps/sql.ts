import { z } from 'zod';
import type { SqlAnswer } from '../../connectors/sql.ts';
import { RecordFailure } from '../../domain/failure.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import type { Scope } from '../names.ts';
import type { Template } from '../template.ts';
import { omitted } from '../transforms/transform.ts';
import { compileSql, type SqlTemplate } from './sql-statement.ts';
import { type StepCall, type StepSite, stepKind } from './step-kind.ts';

const settings = z.strictObject({
  connector: z
    .string()
    .regex(/^[^{}\s]+$/, 'must be the name of a connector')
    .describe('A name from connectors.yaml, of the type sql.'),
  statement: z
    .string()
    .optional()
    .describe('One statement. Each {{ place }} is sent beside it as a value, so it stands without quotes.'),
  sql: z.string().optional().describe('Another word for statement.'),
  params: z
    .array(z.unknown())
    .optional()
    .describe('The values of $1, $2, … in a statement that is written without places.'),
  effects: z
    .boolean()
    .optional()
    .describe('Whether it changes something, where that cannot be seen: a select of a function that does.'),
});

type Settings = z.output<typeof settings>;

export const sql = stepKind({
  name: 'sql',
  doc: [
    'Runs one statement in a Postgres database, as a transaction of its own. The result is `{rows, count}`: at most 10,000 rows, and how many rows were touched. Numbers that JSON cannot carry, dates and times come as texts.',
    'A place is a parameter and never part of the text: `{{ record.name }}` stands without quotes, and where the type is not clear with one, as in `{{ record.born }}::date`. Lists and objects are sent as JSON.',
    'In a flow of chunks, `json_to_recordset({{ items }}::json)` takes all records at once. When the statement returns a column `index` (or `item_index`), the position of the record in `items` counted from 0, the result is a list with the row of each record, or null.',
    'A duplicate is a `conflict`; other constraints and values that do not fit are failures of the data; deadlocks, lost connections and timeouts are transient. A write whose answer was lost is marked as maybe applied.',
  ].join('\n\n'),
  example: `type: sql
connector: shop
statement: |
  insert into customers (id, name, born)
  values ({{ record.id }}, {{ record.name }}, {{ record.born }}::date)
  on conflict (id) do update set name = excluded.name
  returning id
`,
  settings,
  compile(given, site) {
    const { connector } = given;
    const { template, statement } = statementOf(given, site);
    const values = valuesOf(given, site, template, statement);
    const writes = given.effects ?? statement.writes;
    return {
      hasEffects: writes,
      summary: `${statement.verb.toUpperCase()} ${connector}`,
      connectors: [{ name: connector, type: 'sql' }],
      keepsTime: true,
      approval: ['sql steps reach a database'],
      async run({ scope, step, timeoutMs, signal, frame }) {
        const answer = await frame.context.connectors.sql(connector).run({
          text: statement.text,
          values: values(scope),
          writes,
          step,
          signal,
          ...(timeoutMs === undefined ? {} : { timeoutMs }),
        });
        const { items } = scope;
        if (site.takesChunks && Array.isArray(items)) {
          const position = positionColumns.find((name) => answer.columns.includes(name));
          if (position !== undefined) return byItem(answer, position, items.length, { step, writes });
        }
        return { rows: answer.rows, count: answer.count };
      },
    };
  },
});

function statementOf(
  { statement, sql: other }: Settings,
  site: StepSite,
): { template: Template | undefined; statement: SqlTemplate } {
  const key = statement === undefined ? 'sql' : 'statement';
  if (statement === undefined && other === undefined) site.problem(['statement'], 'is missing');
  if (statement !== undefined && other !== undefined) {
    site.problem(['sql'], 'is another word for statement; give one');
  }
  const template = site.template(key);
  const { sql: made, problems } = compileSql(statement ?? other ?? '', template?.places ?? []);
  if (template !== undefined) {
    for (const { at, message, suggestion } of problems) site.problemAt([key], at, message, suggestion);
  }
  return { template, statement: made };
}

function valuesOf(
  { params = [] }: Settings,
  site: StepSite,
  template: Template | undefined,
  { parameters }: SqlTemplate,
): (scope: Scope) => JsonValue[] {
  const places = template?.places ?? [];
  if (template !== undefined && places.length > 0 && params.length > 0) {
    site.problem(
      ['params'],
      'belongs to a statement with $1, $2, …',
      'this one has its values in {{ places }}',
    );
  } else if (template !== undefined && params.length !== parameters) {
    site.problem(['params'], `must have ${parameters} values, one for each of the statement's $1, $2, …`);
  }
  if (places.length > 0) {
    return (scope) =>
      places.map(({ value }) => {
        const found = value(scope);
        return found === undefined || found === omitted ? null : found;
      });
  }
  const given = params.map((_, at) => site.value('params', at));
  return (scope) => given.map((value) => value?.(scope) ?? null);
}

/** Columns that say which item of the chunk a row is about. */
const positionColumns = ['index', 'item_index'];

/** The row of each item, or null. */
function byItem(
  { rows }: SqlAnswer,
  column: string,
  items: number,
  { step, writes }: Pick<StepCall, 'step'> & { readonly writes: boolean },
): JsonValue {
  const list = Array.from({ length: items }, (): JsonObject | null => null);
  for (const row of rows) {
    const position = row[column];
    const problem = positionProblem(position, list);
    if (problem !== undefined) {
      throw new RecordFailure({
        class: 'data',
        code: 'rows_unassigned',
        message: `the column ${column} ${problem}`,
        step,
        ...(writes ? { maybeApplied: true } : {}),
      });
    }
    list[position as number] = row;
  }
  return list;
}

function positionProblem(position: JsonValue | undefined, list: readonly unknown[]): string | undefined {
  if (!Number.isInteger(position) || !((position as number) in list)) {
    return 'must be the position of an item, counted from 0';
  }
  return list[position as number] === null ? undefined : 'names an item twice; return one row for each';
}
