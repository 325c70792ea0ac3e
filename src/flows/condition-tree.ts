import type { PipeProblem } from './pipe-cursor.ts';
import type { RecordPath } from './record-path.ts';

/** A node of a parsed CEL expression. */
export interface ConditionNode {
  readonly op: string;
  readonly args: unknown;
  /** Characters from the start of the expression. */
  readonly start: number;
}

/** A path in an expression. */
export interface ConditionPath {
  /** Key of the scope. */
  readonly root: string;
  readonly path: RecordPath;
  /** First member named, if one is. */
  readonly key: string | undefined;
  readonly at: number;
}

export function conditionTree(ast: unknown): ConditionNode {
  if (isNode(ast)) return ast;
  throw new TypeError('an expression without a tree');
}

const maxDepth = 300;

/** The parser counts only some of what nests, and whoever walks through the tree does so on the stack. */
export function isTooDeep(tree: ConditionNode): boolean {
  const open: { readonly part: unknown; readonly depth: number }[] = [{ part: tree, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { part, depth } = next;
    if (depth > maxDepth) return true;
    if (Array.isArray(part)) open.push(...part.map((inner: unknown) => ({ part: inner, depth })));
    else if (isNode(part)) open.push({ part: part.args, depth: depth + 1 });
  }
  return false;
}

/** The first call of a function that a record's text may keep busy for ever. */
export function unfitCall(tree: ConditionNode): PipeProblem | undefined {
  for (const { op, args, start } of nodesOf(tree)) {
    if (!/^r?call$/.test(op) || !Array.isArray(args)) continue;
    const [name, ...operands]: unknown[] = args;
    if (name === 'matches') {
      const suggestion = 'use contains, startsWith or endsWith';
      return { at: start, message: 'regular expressions are not available', suggestion };
    }
    if (name === 'duration' && !operands.flat().every(isFixed)) {
      return { at: start, message: 'duration takes a fixed text', suggestion: 'write duration("90m")' };
    }
  }
  return undefined;
}

const isFixed = (operand: unknown) => isNode(operand) && operand.op === 'value';

/** Paths that begin with one of the names, as far as they are written out. */
export function pathsOf(tree: ConditionNode, roots: ReadonlyMap<string, string>): ConditionPath[] {
  const inner = new Set<unknown>();
  const paths: ConditionPath[] = [];
  for (const node of nodesOf(tree)) {
    if (inner.has(node)) continue;
    const keys = chainOf(node, inner);
    const [name, ...path] = keys;
    const root = name === undefined ? undefined : roots.get(name);
    if (root !== undefined) paths.push({ root, path, key: path[0], at: node.start });
  }
  return paths;
}

/** `a.b["c"]` as its keys; remembers the nodes inside, which are no paths of their own. */
function chainOf(node: ConditionNode, inner: Set<unknown>): string[] {
  if (node.op === 'id') return [String(node.args)];
  if (!/^(\.|\.\?|\[\]|\[\?\])$/.test(node.op) || !Array.isArray(node.args)) return [];
  const [parent, member]: unknown[] = node.args;
  const key = keyOf(member);
  if (!isNode(parent) || key === undefined) return [];
  inner.add(parent);
  const keys = chainOf(parent, inner);
  return keys.length === 0 ? [] : [...keys, key];
}

function keyOf(member: unknown): string | undefined {
  if (typeof member === 'string') return member;
  return isNode(member) && member.op === 'value' && typeof member.args === 'string' ? member.args : undefined;
}

function* nodesOf(value: unknown): Generator<ConditionNode> {
  if (Array.isArray(value)) {
    for (const item of value) yield* nodesOf(item);
    return;
  }
  if (!isNode(value)) return;
  yield value;
  yield* nodesOf(value.args);
}

function isNode(value: unknown): value is ConditionNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value && 'start' in value;
}
