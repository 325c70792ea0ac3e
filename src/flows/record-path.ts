import type { JsonValue } from '../domain/json.ts';
import type { Scope } from './names.ts';

/** Keys and list positions from a value of the scope down; empty for the value itself. */
export type RecordPath = readonly (string | number)[];

/** A function that finds what is at a path below a key of the scope. It sees own keys only, and never throws. */
export function pathReader(scopeKey: string, path: RecordPath): (scope: Scope) => JsonValue | undefined {
  const [only] = path;
  if (path.length === 1 && only !== undefined) return (scope) => childOf(scope[scopeKey], only);
  return (scope) => {
    let value: JsonValue | undefined = Object.hasOwn(scope, scopeKey) ? scope[scopeKey] : undefined;
    for (const key of path) {
      value = childOf(value, key);
      if (value === undefined) return undefined;
    }
    return value;
  };
}

function childOf(value: JsonValue | undefined, key: string | number): JsonValue | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  // An array's own key "length" is no item.
  if (Array.isArray(value)) return /^\d+$/.test(String(key)) ? value[Number(key)] : undefined;
  return Object.hasOwn(value, key) ? (value as Readonly<Record<string, JsonValue>>)[key] : undefined;
}

/** `address.city`, `items[0].sku`, and for a single key the key itself, spaces and all. */
export function pathName(path: RecordPath): string {
  const [only] = path;
  if (path.length === 1) return String(only);
  return path
    .map((key, depth) => {
      if (typeof key === 'number') return `[${key}]`;
      if (!/^[\p{L}\p{N}_$-]+$/u.test(key)) return `[${JSON.stringify(key)}]`;
      return depth === 0 ? key : `.${key}`;
    })
    .join('');
}
