import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { redactedMark } from '../domain/redacted-mark.ts';
import { pairedItems } from './paired-items.ts';

/**
 * The given value, with what was exported as something else (a field nobody may see, say) as it was. Items of a list
 * for which nobody can tell what they were stay as they are given.
 */
export function restored(
  original: JsonValue | undefined,
  exported: JsonValue | undefined,
  given: JsonValue,
): JsonValue {
  if (original !== undefined && isDeepStrictEqual(exported, given)) return original;
  if (isJsonObject(original) && isJsonObject(exported) && isJsonObject(given)) {
    return Object.fromEntries(
      Object.entries(given).map(([key, value]) => [
        key,
        restored(valueAt(original, key), valueAt(exported, key), value),
      ]),
    );
  }
  if (!(Array.isArray(original) && Array.isArray(exported) && Array.isArray(given))) return given;
  if (isDeepStrictEqual(original, exported)) return given;
  const places = pairedItems(exported, given);
  return given.map((item: JsonValue, at) => {
    const place = places[at];
    return place === undefined ? item : restored(original[place], exported[place], item);
  });
}

/** What is nested deeper is refused as a record, whatever it holds. */
const levelsSearched = 64;

/** Whether a mark stands where `kept` has no such text: as a value of its own, or somewhere inside a list. */
export function strayMark(
  kept: JsonValue | undefined,
  made: JsonValue,
  levels = levelsSearched,
): 'value' | 'item' | undefined {
  if (kept === made || levels === 0) return undefined;
  if (typeof made === 'string') return isStray(kept, made) ? 'value' : undefined;
  if (typeof made !== 'object' || made === null) return undefined;
  for (const [key, inner] of Object.entries(made) as [string, JsonValue][]) {
    const found = strayMark(valueAt(kept, key), inner, levels - 1);
    if (found !== undefined) return Array.isArray(made) ? 'item' : found;
  }
  return undefined;
}

/** A longer text that has always had the mark in it may be edited; a mark alone is none of the person's words. */
function isStray(kept: JsonValue | undefined, made: string): boolean {
  if (!made.includes(redactedMark)) return false;
  return made.trim() === redactedMark || typeof kept !== 'string' || !kept.includes(redactedMark);
}

/** What a map has under a key, or a list at a place. */
const valueAt = (value: JsonValue | undefined, key: string): JsonValue | undefined =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as JsonObject)[key]
    : undefined;
