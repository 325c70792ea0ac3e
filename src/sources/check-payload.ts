import type { JsonValue } from '../domain/json.ts';

const maxDepth = 64;
const previewLength = 200;
export const quoteAdvice = 'write it in quotes, as a string.';

export type CheckedPayload =
  | { readonly ok: true; readonly json: string }
  | {
      readonly ok: false;
      readonly code: 'nested_too_deeply' | 'number_too_large' | 'record_too_large' | 'text_not_storable';
      readonly message: string;
      /** As much of the payload as the database can hold. */
      readonly payload: JsonValue;
    };

// How JSON.stringify writes the two: NUL, and half of a surrogate pair.
const suspiciousEscape = /\\u0000|\\ud[89a-f]/;

/**
 * Tells whether the database can hold a payload exactly as it is, and gives its JSON text if so.
 *
 * Refused are NUL and lone surrogates (Postgres has no such text), numbers beyond 2^53 (JavaScript has
 * rounded them already), more than 64 levels and more than `maxBytes` of JSON.
 */
export function checkPayload(payload: JsonValue, maxBytes: number): CheckedPayload {
  const fault = faultOf(payload, 1);
  if (fault === 'deep') {
    const message = `The record is nested more than ${maxDepth} levels deep.`;
    return { ok: false, code: 'nested_too_deeply', message, payload: { _nested_too_deeply: maxDepth } };
  }

  const json = JSON.stringify(payload);
  const bytes = json.length * 3 <= maxBytes ? json.length : Buffer.byteLength(json);
  if (bytes > maxBytes) {
    const message = `The record has ${bytes} bytes as JSON; at most ${maxBytes} are allowed.`;
    return { ok: false, code: 'record_too_large', message, payload: tooLarge(bytes, json) };
  }
  if (fault === 'number') {
    const message = `The record has a number beyond 2^53, which would be rounded; ${quoteAdvice}`;
    return { ok: false, code: 'number_too_large', message, payload: storable(payload) };
  }
  if (json.includes('\\u') && suspiciousEscape.test(json) && !isStorable(payload)) {
    const message =
      'The record has a NUL or half a surrogate pair in a text, which the database cannot hold; remove it.';
    return { ok: false, code: 'text_not_storable', message, payload: storable(payload) };
  }
  return { ok: true, json };
}

/** True when a number of the value is beyond what JavaScript holds exactly. Too deep a value is not looked at. */
export function hasUnsafeNumber(value: JsonValue): boolean {
  return faultOf(value, 1) === 'number';
}

/** What stands for a record too large to keep. */
export function tooLarge(bytes: number, text: string): JsonValue {
  return { _too_large: bytes, _preview: preview(text) };
}

/** The beginning of a text, in a form the database can hold. */
export function preview(text: string): string {
  return storableText(text.slice(0, previewLength));
}

/** The payload with every NUL and lone surrogate replaced by U+FFFD. Its depth must have been checked. */
function storable(value: JsonValue): JsonValue {
  if (typeof value === 'string') return storableText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (isArray(value)) return value.map(storable);
  // fromEntries defines its keys, so that "__proto__" is a key like any other.
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [storableText(key), storable(item)]));
}

function isStorable(value: JsonValue): boolean {
  if (typeof value === 'string') return storableText(value) === value;
  if (typeof value !== 'object' || value === null) return true;
  if (isArray(value)) return value.every(isStorable);
  return Object.entries(value).every(([key, item]) => isStorable(key) && isStorable(item));
}

function storableText(text: string): string {
  return text.replace(/\0|\p{Surrogate}/gu, '\ufffd');
}

type Fault = 'deep' | 'number';

/** The worst fault of the value. The walk goes no deeper than the limit, so it cannot overflow. */
function faultOf(value: JsonValue, depth: number): Fault | undefined {
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? undefined : 'number';
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > maxDepth) return 'deep';

  let worst: Fault | undefined;
  if (isArray(value)) {
    for (const item of value) worst = worse(worst, faultOf(item, depth + 1));
  } else {
    // for-in makes no list of the members, and JSON has no inherited ones.
    for (const key in value) worst = worse(worst, faultOf(value[key] ?? null, depth + 1));
  }
  return worst;
}

function worse(one: Fault | undefined, other: Fault | undefined): Fault | undefined {
  return one === 'deep' ? one : (other ?? one);
}

/** Array.isArray, for a type with read-only arrays. */
function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
