import { applyPatch, type Operation } from 'rfc6902';
import { RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';

/** One operation of RFC 6902. */
export interface JsonOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  readonly path: string;
  readonly from?: string | undefined;
  readonly value?: JsonValue | undefined;
}

/** What keeps an operation from ever fitting a record; undefined: nothing does. */
export function operationProblem({ op, path, from, value }: JsonOperation): string | undefined {
  const astray = Object.entries({ path, from }).find(
    ([, pointer]) => pointer !== undefined && !isPointer(pointer),
  );
  if (astray !== undefined) {
    const [name, pointer = ''] = astray;
    return `${name} ${JSON.stringify(pointer.slice(0, 100))} is no JSON pointer; it begins with /, such as /email`;
  }
  if (from === undefined && (op === 'move' || op === 'copy')) return `${op} needs from, such as "/old_name"`;
  if (value === undefined && (op === 'add' || op === 'replace' || op === 'test')) return `${op} needs value`;
  return undefined;
}

const isPointer = (text: string) => text === '' || text.startsWith('/');

/**
 * The value after one operation; the given one stays as it is.
 *
 * @throws RecordFailure of class data when the operation does not fit it.
 */
export function applyOperation(value: JsonValue, operation: JsonOperation): JsonValue {
  const { op, path, from } = operation;
  // The library walks along inherited members as well, functions among them.
  const places = from === undefined ? [path] : [path, from];
  const astray = places.find((pointer) => !leadsAlongOwn(value, pointer));
  if (astray !== undefined) throw unfit(op, astray, 'leads nowhere');
  const copy = structuredClone(value) as JsonValue;
  const holder = { value: copy };
  const within = {
    ...operation,
    path: `/value${path}`,
    ...(from === undefined ? {} : { from: `/value${from}` }),
  };
  const [problem] = applyPatch(holder, [within as Operation]);
  if (problem === null || problem === undefined) return holder.value;
  throw unfit(op, path, op === 'test' ? 'is another value' : 'does not fit the record');
}

/** True when all but the last key of a JSON pointer are there. */
function leadsAlongOwn(value: JsonValue, pointer: string): boolean {
  const keys = pointer.split('/').slice(1).map(unescaped);
  if (keys.includes('__proto__')) return false;
  let found: JsonValue | undefined = value;
  for (const key of keys.slice(0, -1)) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return false;
    found = (found as Readonly<Record<string, JsonValue>>)[key];
  }
  return keys.length === 0 || (typeof found === 'object' && found !== null);
}

const unescaped = (key: string) => key.replaceAll('~1', '/').replaceAll('~0', '~');

const unfit = (op: string, path: string, what: string): RecordFailure =>
  notApplicable(`${op} ${path.slice(0, 100)} ${what}`);

export const notApplicable = (message: string): RecordFailure =>
  new RecordFailure({ class: 'data', code: 'patch_not_applicable', message });
