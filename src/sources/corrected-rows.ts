import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { readRows } from './open-file.ts';
import { quoteName } from './quote-name.ts';
import type { FileSource, SourceRow } from './source.ts';
import { fieldOf, isUntouched, readCell } from './spreadsheet-cells.ts';

/** One record of a file that a person has corrected. */
export interface CorrectedRow {
  readonly line: number;
  /** The record it is for: its position in the input, or its own id. */
  readonly key: { readonly index: number } | { readonly id: string };
  /**
   * What becomes of the payload it was exported with.
   *
   * `exported` is that payload as it stood in the file; `original` is what it stood for. `isStandIn`: both stand for
   * a row of a table that could not be read, so every cell of a changed one counts.
   */
  readonly correct: (original: JsonValue, exported: JsonValue, isStandIn?: boolean) => Corrected;
}

export type Corrected = { readonly payload: JsonValue } | { readonly problem: string };

export interface RowProblem {
  readonly line: number;
  readonly problem: string;
}

export interface CorrectedFile {
  readonly source: FileSource;
  /** Field that holds the records' own ids, for files without `_index`. */
  readonly idField: string | null;
  /** Of a record in the job; its row in the file is somewhat larger. */
  readonly maxRecordBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Reads corrected records: rows of an error export in any of its forms, or objects with `_index` or the id field and
 * the fields to change. Rows that are for no record are told as problems.
 *
 * @throws what `readRows` throws
 */
export async function* readCorrectedRows(
  file: CorrectedFile,
): AsyncGenerator<readonly (CorrectedRow | RowProblem)[]> {
  const { source, signal } = file;
  // Doubled quotation marks, escapes and the columns about the error.
  const maxRecordBytes = 3 * file.maxRecordBytes + 64 * 1024;
  const isTable = source.format === 'csv' || source.format === 'tsv';
  for await (const rows of readRows(source, { maxRecordBytes, signal })) {
    yield rows.map((row) => correctedRow(row, file.idField, isTable));
  }
}

function correctedRow(row: SourceRow, idField: string | null, isTable: boolean): CorrectedRow | RowProblem {
  const { line, payload } = row;
  if (row.kind === 'bad') return { line, problem: row.message };
  const fields = isJsonObject(payload) ? payload : {};
  const isWhole = !isTable && isJsonObject(fields.payload) && ('index' in fields || 'id' in fields);
  const key = isWhole
    ? keyOf(fields.index, fields.id)
    : keyOf(fields._index, idField && fieldIn(fields, idField));
  if (key === undefined)
    return { line, problem: `has no ${keyName(idField, isWhole)}, so it is for no record` };
  if ('problem' in key) return { line, ...key };
  return {
    line,
    key,
    correct: isTable ? cellsInto(fields) : isWhole ? wholeInto(fields) : fieldsInto(fields),
  };
}

const fieldIn = (fields: JsonObject, key: string) => (Object.hasOwn(fields, key) ? fields[key] : undefined);

const keyName = (idField: string | null, isWhole: boolean) => {
  if (isWhole) return 'index';
  return idField === null ? '_index' : `_index and no ${quoteName(idField)}`;
};

function keyOf(
  index: JsonValue | undefined,
  id: JsonValue | undefined,
): CorrectedRow['key'] | { readonly problem: string } | undefined {
  if (index !== undefined && index !== null && String(index).trim() !== '') {
    const text = String(index).trim();
    return /^\d{1,10}$/.test(text)
      ? { index: Number(text) }
      : { problem: 'has an _index that is no whole number' };
  }
  const text = typeof id === 'string' || typeof id === 'number' ? String(id) : '';
  return text === '' ? undefined : { id: text };
}

const cellsInto =
  (cells: JsonObject): CorrectedRow['correct'] =>
  (original, exported, isStandIn = false) => {
    const [before, seen] = [fieldsOf(original), fieldsOf(exported)];
    const changed: [string, JsonValue][] = [];
    for (const [column, cell] of Object.entries(cells)) {
      const field = fieldOf(column);
      if (field === undefined || typeof cell !== 'string' || isUntouched(cell, fieldIn(seen, field)))
        continue;
      const read = readCell(cell, fieldIn(before, field));
      if ('problem' in read) return { problem: `${quoteName(field)} ${read.problem}` };
      changed.push([field, restored(fieldIn(before, field), fieldIn(seen, field), read.value)]);
    }
    if (changed.length === 0) return { payload: original };
    return { payload: withFields(original, [...(isStandIn ? emptyFields(cells, before) : []), ...changed]) };
  };

function emptyFields(cells: JsonObject, before: JsonObject): [string, JsonValue][] {
  return Object.keys(cells).flatMap((column): [string, JsonValue][] => {
    const field = fieldOf(column);
    return field === undefined || Object.hasOwn(before, field) ? [] : [[field, '']];
  });
}

const wholeInto =
  ({ payload = null }: JsonObject): CorrectedRow['correct'] =>
  (original, exported) => ({ payload: restored(original, exported, payload) });

const fieldsInto =
  (fields: JsonObject): CorrectedRow['correct'] =>
  (original, exported) => {
    const [before, seen] = [fieldsOf(original), fieldsOf(exported)];
    const given = Object.entries(fields)
      .filter(([name]) => fieldOf(name) !== undefined)
      .map(([name, value]) => [name, restored(fieldIn(before, name), fieldIn(seen, name), value)] as const);
    return { payload: withFields(original, given) };
  };

const fieldsOf = (payload: JsonValue): JsonObject => (isJsonObject(payload) ? payload : {});

/** fromEntries makes own keys of every name, `__proto__` included. */
const withFields = (payload: JsonValue, changed: readonly (readonly [string, JsonValue])[]): JsonValue =>
  Object.fromEntries([...Object.entries(fieldsOf(payload)), ...changed]);

/** The given value, with what was exported as something else (a field nobody may see, say) as it was. */
function restored(
  original: JsonValue | undefined,
  exported: JsonValue | undefined,
  given: JsonValue,
): JsonValue {
  if (original !== undefined && isDeepStrictEqual(exported, given)) return original;
  if (isJsonObject(original) && isJsonObject(exported) && isJsonObject(given)) {
    return Object.fromEntries(
      Object.entries(given).map(([key, value]) => [
        key,
        restored(fieldIn(original, key), fieldIn(exported, key), value),
      ]),
    );
  }
  if (!(Array.isArray(original) && Array.isArray(exported) && Array.isArray(given))) return given;
  return given.map((value: JsonValue, at) =>
    restored(original[at] as JsonValue | undefined, exported[at] as JsonValue | undefined, value),
  );
}
