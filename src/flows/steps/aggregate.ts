import { z } from 'zod';
import { RecordFailure } from '../../domain/failure.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import type { FinishedRecord } from '../../domain/record.ts';
import type { Condition } from '../condition.ts';
import { exact } from '../transforms/exact.ts';
import { maxDecimals } from '../transforms/transform.ts';
import { type StepSite, stepKind } from './step-kind.ts';

const expressions = z.record(z.string(), z.string());
const maxGroups = 1000;
const maxCollected = 1000;

const settings = z.strictObject({
  where: z
    .string()
    .optional()
    .describe('A CEL expression; which records count. All that are finished unless given.'),
  group_by: z
    .string()
    .optional()
    .describe('A CEL expression; one line of the result for each of its values.'),
  sum: expressions.optional().describe('Name: a CEL expression that gives a number.'),
  min: expressions
    .optional()
    .describe('Name: a CEL expression; the least of its numbers, null when there are none.'),
  max: expressions.optional().describe('As min, the greatest.'),
  average: expressions.optional().describe('As min, the mean.'),
  collect: expressions
    .optional()
    .describe(`Name: a CEL expression; a list of the values, at most ${maxCollected}.`),
});

type Settings = z.output<typeof settings>;

/** What an expression of an aggregate sees of each record. */
const entryNames = ['index', 'id', 'status', 'record', 'result', 'error'];

export const aggregate = stepKind({
  name: 'aggregate',
  doc: 'In `finally` only: reads the finished records of the job once and sums them up. Its expressions see `record`, `result`, `status`, `error`, `index` and `id` of each. The result is `{count, sum: {…}, …}`, or with `group_by` the list of these as `groups`, each with its `key`.',
  example: `type: aggregate
where: status == "succeeded"
group_by: record.country
sum: { total: double(record.total) }
`,
  settings,
  compile(given, site) {
    if (!site.atEnd)
      site.problem(
        [],
        'type: aggregate belongs into finally',
        'while records run there is nothing to sum up',
      );
    const plan = planOf(given, site.withNames(entryNames));
    return {
      hasEffects: false,
      summary: 'aggregate',
      async run({ frame, step, signal }) {
        const groups = new Map<string, Group>();
        for await (const entry of frame.ending?.results() ?? []) {
          signal.throwIfAborted();
          const scope = { ...frame.scope, ...scopeOf(entry) };
          if (plan.where?.holds(scope) === false) continue;
          const key = plan.groupBy?.value(scope) ?? null;
          add(groupFor(groups, key, plan, step), scope);
        }
        const made = [...groups.values()];
        if (plan.groupBy === undefined) return resultOf(made[0] ?? emptyGroup(null, plan));
        return { groups: made.map((group) => ({ key: group.key, ...resultOf(group) })) };
      },
    };
  },
});

const sums = ['sum', 'min', 'max', 'average', 'collect'] as const;
type Sum = (typeof sums)[number];

interface Plan {
  readonly where: Condition | undefined;
  readonly groupBy: Condition | undefined;
  readonly columns: readonly Column[];
}

interface Column {
  readonly kind: Sum;
  readonly name: string;
  readonly value: Condition;
}

function planOf(given: Settings, site: StepSite): Plan {
  return {
    where: site.condition('where'),
    groupBy: site.condition('group_by'),
    columns: sums.flatMap((kind) =>
      Object.keys(given[kind] ?? {}).flatMap((name) => {
        const value = site.condition(kind, name);
        return value === undefined ? [] : [{ kind, name, value }];
      }),
    ),
  };
}

interface Group {
  readonly key: JsonValue;
  count: number;
  readonly columns: readonly (Column & { readonly found: Found })[];
}

interface Found {
  count: number;
  total: number;
  /** What rounding has taken from the total so far (Neumaier). */
  lost: number;
  /** The most that a number of the total has. */
  decimals: number;
  least: number;
  most: number;
  readonly all: JsonValue[];
}

const emptyGroup = (key: JsonValue, { columns }: Plan): Group => ({
  key,
  count: 0,
  columns: columns.map((column) => ({
    ...column,
    found: { count: 0, total: 0, lost: 0, decimals: 0, least: Infinity, most: -Infinity, all: [] },
  })),
});

function groupFor(groups: Map<string, Group>, key: JsonValue, plan: Plan, step: string): Group {
  const name = JSON.stringify(key);
  const found = groups.get(name) ?? emptyGroup(key, plan);
  if (!groups.has(name) && groups.size >= maxGroups) {
    const message = `group_by makes more than ${maxGroups} groups`;
    throw new RecordFailure({ class: 'data', code: 'too_many_groups', message, step });
  }
  groups.set(name, found);
  return found;
}

function add(group: Group, scope: Parameters<Condition['value']>[0]): void {
  group.count++;
  for (const column of group.columns) note(column.found, column, column.value.value(scope));
}

function note(found: Found, { kind, name }: Column, value: JsonValue): void {
  if (kind === 'collect') {
    if (found.all.length < maxCollected) found.all.push(value);
    return;
  }
  if (value === null || (typeof value === 'string' && value.trim() === '')) return;
  const number = Number(value);
  if (typeof value === 'object' || typeof value === 'boolean' || !Number.isFinite(number)) {
    const message = `${kind} ${name}: a value is no number`;
    throw new RecordFailure({ class: 'data', code: 'not_a_number', message });
  }
  found.count++;
  addExactly(found, number);
  found.decimals = Math.max(found.decimals, decimalsOf(number));
  if (!Number.isFinite(found.total)) {
    const message = `${kind} ${name}: the numbers become too large`;
    throw new RecordFailure({ class: 'data', code: 'number_too_large', message });
  }
  found.least = Math.min(found.least, number);
  found.most = Math.max(found.most, number);
}

/** A sum of many amounts such as 0.1 would drift away from the one that a person finds. */
function addExactly(found: Found, number: number): void {
  const total = found.total + number;
  const [larger, smaller] =
    Math.abs(found.total) >= Math.abs(number) ? [found.total, number] : [number, found.total];
  found.lost += larger - total + smaller;
  found.total = total;
}

function resultOf({ count, columns }: Group): JsonObject {
  // fromEntries makes own keys of every name, `__proto__` included.
  const made = sums.flatMap((kind) => {
    const own = columns.filter((column) => column.kind === kind);
    if (own.length === 0) return [];
    return [[kind, Object.fromEntries(own.map(({ name, found }) => [name, amountOf(kind, found)]))] as const];
  });
  return { count, ...Object.fromEntries(made) };
}

function amountOf(kind: Sum, found: Found): JsonValue {
  const { count, least, most, all } = found;
  if (kind === 'collect') return all;
  if (kind === 'sum') return totalOf(found);
  if (count === 0) return null;
  return kind === 'average' ? exact(totalOf(found) / count) : kind === 'min' ? least : most;
}

/** A sum has no more decimals than its numbers have. */
function totalOf({ total, lost, decimals }: Found): number {
  const sum = total + lost;
  return decimals > maxDecimals ? exact(sum) : Number(sum.toFixed(decimals));
}

/** 2 of 1234.56, 7 of 1e-7. */
function decimalsOf(number: number): number {
  const [mantissa = '', exponent = '0'] = String(number).split('e');
  const [, fraction = ''] = mantissa.split('.');
  return Math.max(0, fraction.length - Number(exponent));
}

function scopeOf({ index, id, status, payload, result, error }: FinishedRecord) {
  return { index, id, status, record: payload, result, error };
}
