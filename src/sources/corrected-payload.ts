import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { redactedMark } from '../domain/redacted-mark.ts';
import { quoteName } from './quote-name.ts';
import { restored, strayMark } from './restored-value.ts';
import { fieldOf, isUntouched, readCell } from './spreadsheet-cells.ts';

/** A payload, and how it stands in an export. */
export interface ExportedPayload {
  readonly payload: JsonValue;
  readonly exported: JsonValue;
}

type Versions = readonly [ExportedPayload, ...ExportedPayload[]];

/**
 * What a row makes of a payload: of the first of `versions`, which go on with what it was before, newest first, as far
 * as the row may show one of those. What differs neither from now nor from then stays as it is now.
 *
 * `isStandIn`: the payload stands for a row of a table that could not be read, so every cell of a changed one counts.
 */
export type Correction = (versions: Versions, isStandIn?: boolean) => Corrected;

export type Corrected = { readonly payload: JsonValue } | { readonly problem: string };

/** The same, but a mark for a masked value is a problem where that value is not known: the target would get the mark. */
export const withoutMarks =
  (correct: Correction): Correction =>
  (versions, isStandIn) => {
    const corrected = correct(versions, isStandIn);
    if ('problem' in corrected) return corrected;
    const [{ payload: original }] = versions;
    const before = fieldsOf(original);
    for (const [field, value] of Object.entries(fieldsOf(corrected.payload))) {
      const found = strayMark(fieldIn(before, field), value);
      if (found !== undefined) return { problem: `${quoteName(field)}: ${markProblems[found]}` };
    }
    return corrected;
  };

const markProblems = {
  value: `${redactedMark} stands for a value that is not known here; write the value, or export the records again`,
  item: `a list with masked fields was changed so that nobody can tell which values ${redactedMark} stands for; export the records again and leave the list as it is, or use patch.set or json_patch`,
};

export const fieldIn = (fields: JsonObject, key: string) =>
  Object.hasOwn(fields, key) ? fields[key] : undefined;

/** By the cells of a table. */
export const cellsInto =
  (cells: JsonObject): Correction =>
  (versions, isStandIn = false) => {
    const [{ payload: original, exported }] = versions;
    const [before, seen] = [fieldsOf(original), fieldsOf(exported)];
    const touched = closest(versions, (version) => touchedCells(cells, fieldsOf(version.exported)));
    const changed: [string, JsonValue][] = [];
    for (const [field, cell] of touched) {
      if (isUntouched(cell, fieldIn(seen, field))) continue;
      const read = readCell(cell, fieldIn(before, field));
      if ('problem' in read) return { problem: `${quoteName(field)} ${read.problem}` };
      changed.push([field, restored(fieldIn(before, field), fieldIn(seen, field), read.value)]);
    }
    if (changed.length === 0) return { payload: original };
    return { payload: withFields(original, [...(isStandIn ? emptyFields(cells, before) : []), ...changed]) };
  };

/** Fields with cells that differ from what was exported. */
const touchedCells = (cells: JsonObject, seen: JsonObject) =>
  Object.entries(cells).flatMap(([column, cell]): [string, string][] => {
    const field = fieldOf(column);
    if (field === undefined || typeof cell !== 'string' || isUntouched(cell, fieldIn(seen, field))) return [];
    return [[field, cell]];
  });

/** The fewest differences there are to a version: it is the one the row was exported from. */
const closest = <Difference>(
  versions: Versions,
  differencesTo: (version: ExportedPayload) => readonly Difference[],
): readonly Difference[] => {
  const [first, ...earlier] = versions;
  return earlier
    .map(differencesTo)
    .reduce((least, found) => (found.length < least.length ? found : least), differencesTo(first));
};

function emptyFields(cells: JsonObject, before: JsonObject): [string, JsonValue][] {
  return Object.keys(cells).flatMap((column): [string, JsonValue][] => {
    const field = fieldOf(column);
    return field === undefined || Object.hasOwn(before, field) ? [] : [[field, '']];
  });
}

/** By a whole record as exports show it. */
export const wholeInto =
  ({ payload = null }: JsonObject): Correction =>
  (versions) => {
    const [{ payload: original, exported }] = versions;
    if (!isJsonObject(payload) || !isJsonObject(original)) {
      return { payload: restored(original, exported, payload) };
    }
    const changed = closest(versions, (version) => differentFields(payload, fieldsOf(version.exported)));
    const kept = Object.entries(original).filter(
      ([field]) => !changed.includes(field) || Object.hasOwn(payload, field),
    );
    const given = changed.flatMap((field): [string, JsonValue][] => {
      const value = fieldIn(payload, field);
      if (value === undefined) return [];
      return [[field, restored(fieldIn(original, field), fieldIn(fieldsOf(exported), field), value)]];
    });
    return { payload: withFields(Object.fromEntries(kept), given) };
  };

const differentFields = (one: JsonObject, other: JsonObject) =>
  [...new Set([...Object.keys(one), ...Object.keys(other)])].filter(
    (field) => !isDeepStrictEqual(fieldIn(one, field), fieldIn(other, field)),
  );

/** By fields to set. */
export const fieldsInto =
  (fields: JsonObject): Correction =>
  ([{ payload: original, exported }]) => {
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
