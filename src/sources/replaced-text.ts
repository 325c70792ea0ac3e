import { isJsonObject, type JsonValue } from '../domain/json.ts';

const replacement = '\ufffd';

/**
 * The field of a payload, of at most 64 levels, that still has a text of `kept` with U+FFFD in it, wherever that text
 * has gone; undefined: none has.
 */
export function fieldWithReplaced(kept: JsonValue, payload: JsonValue): string | undefined {
  const replaced = new Set([...textsIn(kept)].filter((text) => text.includes(replacement)));
  if (replaced.size === 0 || !isJsonObject(payload)) return undefined;
  const isReplaced = ([field, value]: [string, JsonValue]) =>
    [field, ...textsIn(value)].some((text) => replaced.has(text));
  return Object.entries(payload).find(isReplaced)?.[0];
}

/** Every text of a value, its keys among them. */
function* textsIn(value: JsonValue): Generator<string> {
  if (typeof value === 'string') yield value;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value) as [string, JsonValue][]) {
    yield key;
    yield* textsIn(inner);
  }
}
