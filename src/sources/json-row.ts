import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { rowName, unreadableRow } from './bad-row.ts';
import { hasUnsafeNumber, quoteAdvice } from './check-payload.ts';
import type { SourceRow } from './source.ts';

/** A number this long or with such an exponent may be beyond 2^53; so may text that only looks like one. */
const suspiciousNumber = /\d{16}|\d[eE]\+?\d\d/;

/** The row that the JSON text of one record stands for; `element` is its index, if it is one of an array. */
export function jsonRow(text: string, line: number, element?: number): SourceRow {
  const value = parseJson(text);
  if (value instanceof SyntaxError)
    return unreadableRow(line, 'invalid_json', invalidJson(line, value), text);
  if (!isJsonObject(value)) {
    const message = `${rowName(`Line ${line}`, line, element)} has ${kindOf(value)} where a record, a JSON object in braces, is expected.`;
    return unreadableRow(line, 'not_an_object', message, text);
  }
  if (suspiciousNumber.test(text) && hasUnsafeNumber(value)) {
    const message = `${rowName(`The record on line ${line}`, line, element)} has a number beyond 2^53, which would be rounded; ${quoteAdvice}`;
    return unreadableRow(line, 'number_too_large', message, text);
  }
  return { kind: 'record', line, payload: value };
}

/** JSON.parse, with its complaint as a value. */
export function parseJson(text: string): JsonValue | SyntaxError {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return error;
    throw error;
  }
}

/** Where in the text the parser gave up, from 0; undefined when it does not say. */
export function positionOf(error: SyntaxError): number | undefined {
  const position = /at position (\d+)/.exec(error.message)?.[1];
  return position === undefined ? undefined : Number(position);
}

/** What the parser says quotes the text, so its words are not used. */
function invalidJson(line: number, error: SyntaxError): string {
  const position = positionOf(error);
  if (position !== undefined) return `Line ${line} is not valid JSON from column ${position + 1} on.`;
  if (error.message.includes('end of JSON')) return `Line ${line} is not valid JSON: it ends too early.`;
  return `Line ${line} is not valid JSON.`;
}

function kindOf(value: JsonValue): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}
