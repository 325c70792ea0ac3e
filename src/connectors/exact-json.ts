import type { JsonValue } from '../domain/json.ts';

/** Only a text with one of these can hold a number that is beyond what JavaScript holds. */
const suspicious = /\d{16}|[eE]\+?\d{3}/;
const textOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * The value of a JSON text. A whole number beyond 2^53 becomes a text: rounded, the id of a record would be that
 * of another one.
 *
 * @throws SyntaxError
 */
export function exactJson(text: string): JsonValue {
  const value = JSON.parse(text) as JsonValue;
  return suspicious.test(text)
    ? (JSON.parse(text.replace(textOrNumber, quotedIfBeyond)) as JsonValue)
    : value;
}

function quotedIfBeyond(token: string): string {
  if (token.startsWith('"')) return token;
  const number = Number(token);
  const isHeld = /^-?\d+$/.test(token) ? Number.isSafeInteger(number) : Number.isFinite(number);
  return isHeld ? token : `"${token}"`;
}
