export type Goal = { readonly atLeast: number } | { readonly atMost: number };

/** One thing that was measured, once per round. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly values: readonly number[];
  /** What Sluice reached where this row did `values`; the ratio is median over median. */
  readonly sluice?: readonly number[];
  /** For the ratio where there is one, else for the median. */
  readonly goal?: Goal | undefined;
  /** Why there are no values. */
  readonly problem?: string | undefined;
}

export interface Table {
  readonly title: string;
  /** What was done, in a line or two. */
  readonly how: string;
  readonly rows: readonly Row[];
}

/** NaN of an empty list. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [upper = Number.NaN, lower = upper] = [sorted[middle], sorted[middle - 1]];
  return sorted.length % 2 === 1 ? upper : (lower + upper) / 2;
}

/** The value that a share of all values does not exceed; NaN of an empty list. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export const ratioOf = ({ values, sluice }: Row): number | undefined =>
  sluice && median(sluice) / median(values);

export type Verdict = 'met' | 'MISSED' | 'not measured';

/** undefined: the row has no goal. */
export function verdictOf(row: Row): Verdict | undefined {
  if (row.goal === undefined) return undefined;
  const value = ratioOf(row) ?? median(row.values);
  if (Number.isNaN(value)) return 'not measured';
  return ('atLeast' in row.goal ? value >= row.goal.atLeast : value <= row.goal.atMost) ? 'met' : 'MISSED';
}

/** A table for a terminal. */
export function formatTable({ title, how, rows }: Table): string {
  const lines = [['', 'median (min .. max)', '', 'ratio', 'goal', ''], ...rows.map(cellsOf)];
  const widths =
    lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  const text = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return [title, how, '', ...text.map((line) => `  ${line}`.trimEnd()), ''].join('\n');
}

function cellsOf(row: Row): string[] {
  const { what, unit, values, goal, problem } = row;
  if (values.length === 0)
    return [what, `not measured: ${problem ?? 'no values'}`, '', '', goalText(goal), ''];
  const range =
    values.length > 1 ? ` (${figure(Math.min(...values))} .. ${figure(Math.max(...values))})` : '';
  const ratio = ratioOf(row);
  const shown = ratio === undefined || Number.isNaN(ratio) ? '' : `${ratio.toFixed(2)}x`;
  return [what, figure(median(values)) + range, unit, shown, goalText(goal, ratio), verdictOf(row) ?? ''];
}

function goalText(goal: Goal | undefined, ratio?: number): string {
  if (goal === undefined) return '';
  const factor = ratio === undefined ? '' : 'x';
  return 'atLeast' in goal ? `>= ${goal.atLeast}${factor}` : `<= ${goal.atMost}${factor}`;
}

/** Whole numbers from 100 on, three digits below. */
function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}

/** The tables with medians, ratios and verdicts worked out. */
export function toJson(machine: object, tables: readonly Table[]): string {
  const worked = tables.map(({ rows, ...table }) => ({
    ...table,
    rows: rows.map((row) => ({
      ...row,
      median: median(row.values),
      ratio: ratioOf(row),
      verdict: verdictOf(row),
    })),
  }));
  return JSON.stringify({ machine, tables: worked }, null, 2);
}
