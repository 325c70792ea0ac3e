import type { JsonValue } from '../domain/json.ts';

/** Only a text with one of these can hold a number that is beyond what JavaScript holds. */
const suspicious = /\d{16}|[eE]\+?\d{3}/;
/** A whole text is no part: each of its escapes would take room on the stack of the expression. */
const part = /\\.|"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * The value of a JSON text. A whole number beyond 2^53 becomes a text: rounded, the id of a record would be that
 * of another one.
 *
 * @throws SyntaxError
 */
export function exactJson(text: string): JsonValue {
  const value = JSON.parse(text) as JsonValue;
  return suspicious.test(text) ? (JSON.parse(withQuotedNumbers(text)) as JsonValue) : value;
}

/** Of a text that is JSON. */
function withQuotedNumbers(text: string): string {
  let isInText = false;
  return text.replace(part, (token) => {
    if (token === '"') isInText = !isInText;
    return isInText || token === '"' ? token : quotedIfBeyond(token);
  });
}

function quotedIfBeyond(token: string): string {
  const number = Number(token);
  const isHeld = /^-?\d+$/.test(token) ? Number.isSafeInteger(number) : Number.isFinite(number);
  return isHeld ? token : `"${token}"`;
}
