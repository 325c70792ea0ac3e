import { foreignText } from '../../connectors/foreign-text.ts';
import { RecordFailure } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';

/** Deeper values could not be written down again. */
const maxDepth = 500;

/** What is no JSON in a value, and where: `a Date`, `[0].created`. */
export class NotJson extends Error {
  readonly what: string;
  readonly where: string;

  constructor(what: string, where: string) {
    super(`${what} at ${where}`);
    this.what = what;
    this.where = where;
  }
}

/**
 * A copy of a value as JSON: undefined becomes null, or is left out of an object.
 *
 * @throws NotJson for what JSON would change or lose: dates, class instances, functions, NaN, …
 */
export function jsonCopy(value: unknown): JsonValue {
  return copied(value, [], new Set());
}

/** A copy of what somebody gave to Sluice. `owner` is the subject of the failure's message. */
export function jsonOf(value: unknown, owner: string): JsonValue {
  try {
    return jsonCopy(value);
  } catch (error) {
    if (!(error instanceof NotJson)) throw error;
    const where = foreignText(error.where, 490);
    const message = `${owner} holds ${error.what}, which is no JSON: texts, finite numbers, true, false, null, lists and plain objects are`;
    throw new RecordFailure({
      class: 'data',
      code: 'result_not_json',
      message,
      ...(where === undefined ? {} : { untrustedMessage: `at ${where}` }),
    });
  }
}

type Path = (string | number)[];

/** `path` leads from the whole value here; it is one list for the whole walk. */
function copied(value: unknown, path: Path, around: Set<object>): JsonValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value !== 'object') throw new NotJson(kindOf(value), placeOf(path));
  if (around.has(value)) throw new NotJson('a reference to itself', placeOf(path));
  if (path.length >= maxDepth) throw new NotJson(`more than ${maxDepth} levels`, '');

  around.add(value);
  const copy = Array.isArray(value) ? listCopy(value, path, around) : objectCopy(value, path, around);
  around.delete(value);
  return copy;
}

function listCopy(list: readonly unknown[], path: Path, around: Set<object>): JsonValue {
  // Not map, which would leave the holes of a sparse list.
  return Array.from(list, (item, index) => memberCopy(index, item, path, around));
}

function objectCopy(value: object, path: Path, around: Set<object>): JsonValue {
  if (!isPlain(value)) throw new NotJson(kindOf(value), placeOf(path));
  const entries = Object.entries(value).flatMap(([key, item]): [string, JsonValue][] =>
    item === undefined ? [] : [[key, memberCopy(key, item, path, around)]],
  );
  // fromEntries defines its keys, so that "__proto__" is a key like any other.
  return Object.fromEntries(entries);
}

function memberCopy(key: string | number, member: unknown, path: Path, around: Set<object>): JsonValue {
  path.push(key);
  const copy = copied(member, path, around);
  path.pop();
  return copy;
}

/** True for `{}` of whatever realm and for objects without a prototype; false for instances of classes. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null);
}

function kindOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`;
  const known = [Date, Map, Set, Promise, Error, RegExp, URL, ArrayBuffer].find(
    (kind) => value instanceof kind,
  );
  if (ArrayBuffer.isView(value)) return 'binary data';
  return known === undefined
    ? 'an instance of a class'
    : `${/^[AE]/.test(known.name) ? 'an' : 'a'} ${known.name}`;
}

function placeOf(path: Path): string {
  const place = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
  return place.replace(/^\./, '');
}
