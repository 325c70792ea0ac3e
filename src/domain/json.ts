export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export type JsonObject = { readonly [key: string]: JsonValue };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True when lists and maps lie in each other more than so many levels deep. The walk goes no deeper than that. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}

/** Whether a map anywhere in it has a field of this name. */
export function hasField(name: string, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, name) || Object.values(value).some((inner) => hasField(name, inner));
}

const writtenLevelsAtMost = 1000;

/**
 * The JSON text of a value.
 *
 * @throws RangeError when it is nested more than 1,000 levels deep: what walks it later would run out of stack.
 *   Older versions of Node cannot write it at all.
 */
export function writtenJson(value: unknown): string {
  const json = JSON.stringify(value);
  // Two characters per level.
  const mayBeDeep = json.length >= 2 * writtenLevelsAtMost;
  if (mayBeDeep && isDeeperThan(writtenLevelsAtMost, value)) throw new RangeError('nested too deeply');
  return json;
}

/** The same value with the keys of its maps in order, so that the order they were written in is no difference. */
export function inOrder(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => inOrder(item));
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, inOrder(item)]));
}
