import { writtenJson } from '../domain/json.ts';

/**
 * JSON text that Postgres can hold and read: what it cannot becomes U+FFFD.
 *
 * @throws RangeError when the value is nested more than 1,000 levels deep
 */
export function storableJson(value: unknown): string {
  const text = writtenJson(value);
  return text.includes('\\u') ? text.replace(unstorable, '$1\\ufffd') : text;
}

/** NUL and lone surrogates, as JSON.stringify writes them: jsonb holds neither, targets send both. */
const unstorable = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g;
