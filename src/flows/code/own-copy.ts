import { isPlain } from './json-result.ts';

/**
 * A copy whose lists and plain objects can be changed without anybody else noticing. Whatever else it holds
 * (dates, instances of classes, functions) is shared.
 */
export function ownCopy<T>(value: T): T {
  return copied(value, new Map()) as T;
}

function copied(value: unknown, known: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const before = known.get(value);
  if (before !== undefined) return before;
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    known.set(value, list);
    for (const item of value as readonly unknown[]) list.push(copied(item, known));
    return list;
  }
  if (!isPlain(value)) return value;
  const object: Record<string, unknown> = {};
  known.set(value, object);
  for (const [key, item] of Object.entries(value)) {
    // Defined, not assigned, so that "__proto__" is a key like any other.
    Object.defineProperty(object, key, {
      value: copied(item, known),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return object;
}
