import { visible } from './terminal.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'right';
}

const gap = '  ';

/**
 * Rows under titles, each column as wide as its widest cell. Cells may hold foreign text. Lines longer than `width`
 * lose the end of their last cell, though none becomes shorter than the line of the titles.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string[] {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => row.map(visible))];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => lengthOf(row[at] ?? ''))));
  const [titles = '', ...lines] = cells.map((row) =>
    columns
      .map(({ align }, at) => pad(row[at] ?? '', widths[at] ?? 0, align))
      .join(gap)
      .trimEnd(),
  );
  const longest = Math.max(width, lengthOf(titles));
  return [titles, ...lines.map((line) => cut(line, longest))];
}

/** Columns that lines take. */
export const widthOf = (lines: readonly string[]) => Math.max(...lines.map(lengthOf));

function pad(text: string, width: number, align: Column['align']): string {
  const blanks = ' '.repeat(width - lengthOf(text));
  return align === 'right' ? blanks + text : text + blanks;
}

const lengthOf = (text: string) => [...text].length;

export const cut = (text: string, length: number) =>
  lengthOf(text) <= length ? text : `${[...text].slice(0, length - 1).join('')}…`;

/** Without its beginning, for a path: its end names the file. */
export const cutFront = (text: string, length: number) =>
  lengthOf(text) <= length ? text : `…${[...text].slice(1 - length).join('')}`;

/** 12345 as 12,345. */
export const grouped = (count: number) => count.toLocaleString('en');

/** 1 as `1 record`, 12345 as `12,345 records`. */
export const counted = (count: number, noun: string) => `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;

/** Seconds as a person says them: 4.2 s, 3 min 20 s, 2 h 5 min. */
export function span(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A time of an answer to the second, in UTC as it is. */
export const shortTime = (at: string) => at.slice(0, 19).replace('T', ' ');
