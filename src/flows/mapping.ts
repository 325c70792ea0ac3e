import { maxFileProblems } from '../connectors/file-problem.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { compilePipe, type PathRead, type PipeSite } from './compile-pipe.ts';
import type { Scope } from './names.ts';
import type { PipeProblem } from './pipe-cursor.ts';
import { omitted, type PipeValue } from './transforms/transform.ts';

/** A mapping ready to be run for every record. */
export interface Mapping {
  readonly reads: readonly PathRead[];
  /** @throws RecordFailure of class data, with the field as its step. */
  readonly apply: (scope: Scope) => JsonValue;
}

/** A problem at a node of the mapping: keys from the mapping down, and an offset into the text found there. */
export interface MappingProblem extends PipeProblem {
  readonly path: readonly (string | number)[];
  /** It is the key that is wrong, not the value. */
  readonly key?: boolean;
}

/** What makes one value of the result. */
type Part = (scope: Scope) => PipeValue | typeof omitted;
type Path = MappingProblem['path'];

/** Keys that mean something to the language; no result may have them. */
const refusedKeys = ['__proto__', 'constructor', 'prototype'];

/**
 * Compiles a `mapping` block: texts are pipes, other scalars stand for themselves, maps and lists nest, and
 * a dotted key makes a nested map. What a pipe does not find becomes null; a nested map of which everything
 * was left out is left out too.
 */
export function compileMapping(
  mapping: Readonly<Record<string, unknown>>,
  site: PipeSite,
): { mapping: Mapping } | { problems: readonly MappingProblem[] } {
  const compiler = new MappingCompiler(site);
  const whole = compiler.map(mapping, []);
  if (compiler.problems.length > 0) return { problems: compiler.problems };

  const apply = (scope: Scope): JsonValue => {
    const result = whole(scope);
    return result === omitted || result === undefined ? {} : result;
  };
  return { mapping: { reads: compiler.reads, apply } };
}

/** Compiles a block of a file under its key, if there is one of the right shape; its problems say where they are. */
export function compileMappingBlock(
  block: unknown,
  key: string,
  site: PipeSite,
): { mapping: Mapping | undefined; problems: readonly MappingProblem[] } {
  if (!isJsonObject(block)) return { mapping: undefined, problems: [] };
  const compiled = compileMapping(block, site);
  if ('mapping' in compiled) return { mapping: compiled.mapping, problems: [] };
  const problems = compiled.problems.map((problem) => ({ ...problem, path: [key, ...problem.path] }));
  return { mapping: undefined, problems };
}

class MappingCompiler {
  readonly problems: MappingProblem[] = [];
  readonly reads: PathRead[] = [];
  readonly #site: PipeSite;

  constructor(site: PipeSite) {
    this.#site = site;
  }

  map(values: Readonly<Record<string, unknown>>, path: Path): Part {
    const tree = new Map<string, Part | Tree>();
    for (const [key, value] of Object.entries(values)) this.#place(tree, key, value, [...path, key]);
    return objectOf(tree);
  }

  /** Puts a value under its key; `address.city` goes into a map `address` of its own. */
  #place(tree: Tree, dotted: string, value: unknown, path: Path): void {
    const keys = dotted.split('.');
    const last = keys.pop() ?? '';
    const refused = [...keys, last].find((key) => key === '' || refusedKeys.includes(key));
    if (refused !== undefined) {
      return void this.#report(
        path,
        0,
        refused === '' ? `"${dotted}" has an empty part` : `"${refused}" cannot be a key`,
        true,
      );
    }
    let branch: Tree | undefined = tree;
    for (const key of keys) branch = branch && branchOf(branch, key);
    if (branch === undefined || branch.has(last)) {
      return void this.#report(path, 0, `"${dotted}" is given twice, in different ways`, true);
    }
    branch.set(last, this.#part(value, path));
  }

  #part(value: unknown, path: Path): Part {
    if (typeof value === 'string') return this.#pipe(value, path);
    if (Array.isArray(value)) {
      return listOf(value.map((item: unknown, index) => this.#part(item, [...path, index])));
    }
    if (isMap(value)) return this.map(value, path);
    if (value === null || typeof value === 'boolean') return () => value;
    if (typeof value === 'number' && isExact(value)) return () => value;
    this.#report(path, 0, 'this number cannot be sent exactly as it is; put it in quotes: \'"123"\'');
    return () => null;
  }

  #pipe(text: string, path: Path): Part {
    if (this.problems.length >= maxFileProblems) return () => null;
    const compiled = compilePipe(text, path.join('.'), this.#site);
    if ('problems' in compiled) {
      this.problems.push(...compiled.problems.map((problem) => ({ ...problem, path })));
      return () => null;
    }
    this.reads.push(...compiled.pipe.reads);
    return compiled.pipe.evaluate;
  }

  #report(path: Path, at: number, message: string, key = false): void {
    this.problems.push({ path, at, message, key });
  }
}

type Tree = Map<string, Part | Tree>;

function branchOf(tree: Tree, key: string): Tree | undefined {
  const found = tree.get(key);
  if (found instanceof Map) return found;
  if (found !== undefined) return undefined;
  const branch: Tree = new Map();
  tree.set(key, branch);
  return branch;
}

function objectOf(tree: Tree): Part {
  const fields = [...tree].map(([key, part]) => ({
    key,
    part: part instanceof Map ? objectOf(part) : part,
  }));
  return (scope) => {
    const result: Record<string, JsonValue> = {};
    let filled = false;
    for (const { key, part } of fields) {
      const value = part(scope);
      if (value === omitted) continue;
      result[key] = value ?? null;
      filled = true;
    }
    return filled || fields.length === 0 ? result : omitted;
  };
}

function listOf(parts: readonly Part[]): Part {
  return (scope) =>
    parts.flatMap((part) => {
      const value = part(scope);
      return value === omitted ? [] : [value ?? null];
    });
}

/** A whole number that JSON can carry without a change, or a fraction. */
function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return isJsonObject(value);
}
