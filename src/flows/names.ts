import type { JsonObject } from '../domain/json.ts';

/** What texts of a flow can see while a record is under way: own keys only. */
export type Scope = JsonObject;

/** What a path can begin with where a text stands; checked when the flow is loaded. */
export interface Names {
  /** Each name, and the key of the scope it is found under: `source` is another word for `record`. */
  readonly roots: ReadonlyMap<string, string>;
  /** By key of the scope: the members it will have, where they are known before any record is. */
  readonly members: ReadonlyMap<string, readonly string[]>;
  /** Steps of the lists at hand, for advice: those that do not come before. */
  readonly ahead?: ReadonlySet<string>;
  /** Steps that stand inside others, for advice: the step around each. */
  readonly inside?: ReadonlyMap<string, string>;
}

/** What a mapping flow sees: the record. */
export const recordNames: Names = {
  roots: new Map([
    ['source', 'record'],
    ['record', 'record'],
    ['item', 'record'],
  ]),
  members: new Map(),
};

/** Names with a meaning in a flow of steps or in an expression: no result is called so. */
export const takenNames: ReadonlySet<string> = new Set([
  ...[
    'true',
    'false',
    'null',
    'in',
    'as',
    'break',
    'const',
    'continue',
    'else',
    'for',
    'function',
    'if',
    'import',
  ],
  ...[
    'let',
    'loop',
    'namespace',
    'package',
    'return',
    'var',
    'void',
    'while',
    'prototype',
    'cel',
    'optional',
  ],
  ...['type', 'int', 'uint', 'double', 'string', 'bool', 'bytes', 'list', 'map', 'google'],
  'record',
  'source',
  'item',
  'items',
  'index',
  'indexes',
  'steps',
  'env',
  'batch',
  'params',
  'error',
  'failure',
  'job',
  'counts',
]);

/** Whether a result may be called so. */
export function isResultName(name: unknown): name is string {
  return typeof name === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name) && !takenNames.has(name);
}

/** Names that stand for themselves in the scope, besides those already in sight. */
export function withNames(names: Names, added: readonly string[]): Names {
  return { ...names, roots: new Map([...names.roots, ...added.map((name) => [name, name] as const)]) };
}

export function withoutNames(names: Names, removed: readonly string[]): Names {
  return { ...names, roots: new Map([...names.roots].filter(([name]) => !removed.includes(name))) };
}

/** What a step sees after another: its result, also by the name from `outputs`. */
export function withStep(names: Names, name: string, output: string | undefined): Names {
  const steps = [...(names.members.get('steps') ?? []), name];
  const seen = output === undefined ? names : withNames(names, [output]);
  return { ...seen, members: new Map([...names.members, ['steps', steps]]) };
}
