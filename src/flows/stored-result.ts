import { type JsonValue, writtenJson } from '../domain/json.ts';

/** Characters of a result's JSON that are kept with the record. */
const largestResult = 256 * 1024;
const shownOfLarger = 1000;

/**
 * What is kept of a record's result. One that is larger than 256 KiB was made, but keeping thousands of them
 * would fill the database: its size and beginning stand for it.
 */
export function storedResult(result: JsonValue): JsonValue {
  if (typeof result !== 'string' && (typeof result !== 'object' || result === null)) return result;
  const json = writtenDown(result);
  if (json === undefined || json.length <= largestResult) return result;
  const beginning = json.slice(0, shownOfLarger).toWellFormed();
  return { truncated: true, bytes: Buffer.byteLength(json), beginning };
}

/** Undefined for what is nested too deeply; whoever stores it finds that out again and says so. */
function writtenDown(result: JsonValue): string | undefined {
  try {
    return writtenJson(result);
  } catch {
    return undefined;
  }
}
