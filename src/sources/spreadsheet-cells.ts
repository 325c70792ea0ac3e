import { isJsonObject, type JsonValue } from '../domain/json.ts';

/**
 * How values stand in the cells of an export, and how they are read when a person gives the file back. Writing and
 * reading are inverse, so that a file that nobody has touched changes nothing.
 */

/** Columns that are Sluice's own; no field of a record is written under such a name. */
const ownColumns: ReadonlySet<string> = new Set([
  '_index',
  '_id',
  '_status',
  '_batch_job_id',
  '_error_class',
  '_error_code',
  '_error',
]);

/** A spreadsheet would run such a text; one that was escaped before is escaped once more. */
const formula = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

export const escapeFormula = (text: string) => (formula.test(text) ? `'${text}` : text);

const unescapeFormula = (text: string) => (text.startsWith("'") && formula.test(text) ? text.slice(1) : text);

export function writeCell(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? escapeFormula(value) : JSON.stringify(value);
}

/** What a cell says of a field, or that it cannot be read. */
export type ReadCell = { readonly value: JsonValue } | { readonly problem: string };

/** True when the cell holds what was written for the value, or what a spreadsheet makes of that by itself. */
export function isUntouched(cell: string, written: JsonValue | undefined): boolean {
  const text = writeCell(written);
  return (
    isSameText(cell, text) ||
    (cell.includes('?') && (['?', '??'] as const).some((mark) => isSameText(cell, inAnsi(text, mark)))) ||
    isSameNumber(cell, text)
  );
}

/** A spreadsheet takes 007 for 7 and 1.50 for 1.5, and saves 4930123456789 as 4.93012E+12. */
function isSameNumber(cell: string, text: string): boolean {
  if (!/^-?\d+(?:\.\d+)?$/.test(text)) return false;
  const rounded = /^-?\d(?:[.,](\d+))?E\+?\d+$/i.exec(cell);
  if (rounded === null) return cell === withoutZeros(text);
  return Number(cell.replace(',', '.')) === Number(Number(text).toExponential(rounded[1]?.length ?? 0));
}

const withoutZeros = (digits: string) =>
  digits
    .replace(/^(-?)0+(?=\d)/, '$1')
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');

/** As a spreadsheet saves it as windows-1252; what takes two units of UTF-16 may become two question marks. */
const inAnsi = (text: string, mark: '?' | '??') =>
  text.replace(notInAnsi, (character) => (character.length === 1 ? '?' : mark));

const notInAnsi = /[^\t\n\r\u0020-\u007e\u00a0-\u00ff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]/gu;

/** What a changed cell says, in the type of the original; a text that does not fit the type stays a text. */
export function readCell(cell: string, original: JsonValue | undefined): ReadCell {
  const text = unescapeFormula(cell);
  switch (typeof original) {
    case 'string':
      return { value: isSameText(text, original) ? original : text };
    case 'number':
      return { value: readNumber(text, original) };
    case 'boolean':
      return { value: booleans.get(text.trim().toLowerCase()) ?? (text.trim() === '' ? null : text) };
    default:
      return Array.isArray(original) || isJsonObject(original) ? readJson(text) : { value: text };
  }
}

/** Spreadsheets write line ends of their own into cells. */
const isSameText = (one: string, other: string) =>
  one === other || one.replace(/\r\n?/g, '\n') === other.replace(/\r\n?/g, '\n');

/** As spreadsheets of several languages write them. */
const booleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['wahr', true],
  ['vrai', true],
  ['false', false],
  ['falsch', false],
  ['faux', false],
]);

function readNumber(text: string, original: number): JsonValue {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  if (/^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(trimmed)) {
    const number = Number(trimmed);
    return Math.abs(number) <= Number.MAX_SAFE_INTEGER ? number : text;
  }
  // 1,500 may be 1.5 or 1500, unless it is what was there in a language that writes it so.
  const point = Number(trimmed.replace(',', '.'));
  return point === original || /^[+-]?\d+,(?!\d{3}$)\d+$/.test(trimmed) ? point : text;
}

function readJson(text: string): ReadCell {
  if (text.trim() === '') return { value: null };
  try {
    return { value: JSON.parse(text) as JsonValue };
  } catch {
    return { problem: 'is no JSON any more; it was a list or a map' };
  }
}

/** The name of a field as the title of a column; one that a reader would not give back is written as JSON. */
export function columnOf(field: string): string {
  const isPlain =
    field !== '' &&
    field === field.trim() &&
    !ownColumns.has(field) &&
    !/^"|\p{Cc}/u.test(field) &&
    !formula.test(field);
  return isPlain ? field : JSON.stringify(field);
}

/** The field that a column stands for; undefined: the column is Sluice's own. */
export function fieldOf(column: string): string | undefined {
  if (ownColumns.has(column)) return undefined;
  if (!column.startsWith('"')) return column;
  try {
    const name: unknown = JSON.parse(column);
    return typeof name === 'string' ? name : column;
  } catch {
    return column;
  }
}
