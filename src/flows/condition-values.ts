import type { JsonValue } from '../domain/json.ts';
import type { PathRead } from './compile-pipe.ts';
import type { Scope } from './names.ts';

/**
 * A scope as an expression may see it that reads these paths. The library asks a value for its `constructor`, so a
 * map with a key of that name is of no kind it knows; a Map in its place has no such keys.
 */
export function seenBy(
  scope: Scope,
  reads: readonly Pick<PathRead, 'root' | 'path'>[],
): Record<string, unknown> {
  const misread = new Set(
    reads.filter(({ root, path }) => isMisread(scope[root], path)).map(({ root }) => scope[root]),
  );
  if (misread.size === 0) return scope;
  // A record has several names.
  return Object.fromEntries(
    Object.entries(scope).map(([name, value]) => [name, misread.has(value) ? withMaps(value) : value]),
  );
}

function isMisread(value: JsonValue | undefined, path: PathRead['path']): boolean {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null) return false;
    if (Object.hasOwn(found, 'constructor')) return true;
    found = Object.hasOwn(found, key) ? (found as Readonly<Record<string, JsonValue>>)[key] : undefined;
  }
  return holdsConstructor(found);
}

function holdsConstructor(value: JsonValue | undefined): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, 'constructor') || Object.values(value).some(holdsConstructor);
}

function withMaps(value: JsonValue): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withMaps);
  const entries = Object.entries(value).map(([key, item]) => [key, withMaps(item)] as const);
  return Object.hasOwn(value, 'constructor') ? new Map(entries) : Object.fromEntries(entries);
}

/**
 * A value that an expression came to, as JSON has it: times are texts, durations are numbers of milliseconds, whole
 * numbers beyond 2^53 are texts, since a rounded id would be that of another record, and what is not there is null.
 */
export function jsonOf(value: unknown): JsonValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
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
