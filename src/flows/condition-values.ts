import type { JsonValue } from '../domain/json.ts';

/** A value that an expression came to, as JSON has it: times and durations are texts, what is not there is null. */
export function jsonOf(value: unknown): JsonValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'bigint':
      return Number(value);
    case 'object':
      return value === null ? null : jsonOfObject(value);
    default:
      return null;
  }
}

function jsonOfObject(value: object): JsonValue {
  // Most are values of a record, which may be large.
  if (isJson(value)) return value;
  if (Array.isArray(value)) return value.map(jsonOf);
  if (value instanceof Map) return jsonOfEntries([...value]);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return jsonOfEntries(Object.entries(value));
  if ('orValue' in value && typeof value.orValue === 'function') return jsonOf(value.orValue(null));
  const primitive: unknown = value.valueOf();
  return typeof primitive === 'object' ? String(value) : jsonOf(primitive);
}

function isJson(value: unknown): value is JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.every(isJson);
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const key in value) if (!isJson((value as Readonly<Record<string, unknown>>)[key])) return false;
  return true;
}

/** fromEntries makes own keys of every name, `__proto__` included. */
function jsonOfEntries(entries: readonly (readonly [unknown, unknown])[]): JsonValue {
  return Object.fromEntries(entries.map(([key, item]) => [String(key), jsonOf(item)]));
}
