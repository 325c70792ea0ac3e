import { didYouMean } from '../connectors/did-you-mean.ts';
import { foreignText } from '../connectors/foreign-text.ts';
import { RecordFailure } from '../domain/failure.ts';
import { isJsonObject } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';
import { memberProblem, unknownName } from './name-advice.ts';
import type { Names, Scope } from './names.ts';
import { transformInstead } from './pipe-advice.ts';
import { type ArgumentReader, compileArguments, type Lookups } from './pipe-arguments.ts';
import type { PipeProblem } from './pipe-cursor.ts';
import { type Call, type Operand, type Pipe, parsePipe } from './pipe-syntax.ts';
import { pathName, pathReader, type RecordPath } from './record-path.ts';
import { transformsByName } from './transforms/catalogue.ts';
import { omitted, type PipeValue, type Transform, ValueProblem } from './transforms/transform.ts';

/** Where a pipe stands. */
export interface PipeSite {
  readonly lookups: Lookups;
  readonly names: Names;
  /** The pipe ends as if `required` stood there. */
  readonly required?: boolean;
  /** A path that finds nothing is a failure, unless the pipe says what to take instead. */
  readonly strict?: boolean;
}

/** A path that a pipe reads. */
export interface PathRead {
  /** Key of the scope. */
  readonly root: string;
  readonly path: RecordPath;
  readonly required: boolean;
  /** The pipe says what to take when nothing is there. */
  readonly mayMiss?: boolean;
}

/** A pipe ready to be run for every record. */
export interface CompiledPipe {
  readonly reads: readonly PathRead[];
  /**
   * The value in a scope; undefined when nothing is there, `omitted` when the field is left out.
   *
   * @throws RecordFailure of class data, with the field as its step.
   */
  readonly evaluate: (scope: Scope) => PipeValue | typeof omitted;
}

/** Compiles `source.name | trim | required`. `field` names what the value is for. */
export function compilePipe(
  text: string,
  field: string,
  site: PipeSite,
): { pipe: CompiledPipe } | { problems: readonly PipeProblem[] } {
  const { names, lookups } = site;
  const parsed = parsePipe(text, names.roots);
  if ('problem' in parsed) return { problems: [parsed.problem] };

  const head = beginningOf(parsed.pipe.head, names);
  if ('message' in head) return { problems: [head] };
  const stages =
    site.required === true ? [...parsed.pipe.stages, requiredCall(text.length)] : parsed.pipe.stages;
  const calls = head.kind === 'call' ? [head, ...stages] : stages;
  const compiled = calls.map((call) => compileCall(call, call === head, lookups, names));
  const problems = [
    ...pathsIn(head, calls).flatMap((path) => memberProblemAt(path, names)),
    ...compiled.flatMap((stage) => ('problem' in stage ? [stage.problem] : [])),
  ];
  if (problems.length > 0) return { problems };

  const steps = compiled.flatMap((stage) => ('problem' in stage ? [] : [stage]));
  const read = head.kind === 'call' ? () => undefined : operandReader(head, names);
  const subject = subjectOf(text, stages);
  const path = head.kind === 'path' ? head : undefined;
  const strict =
    site.strict === true && path !== undefined && !stages.some(({ name }) => takesNothing.has(name));

  const through = (scope: Scope): PipeValue | typeof omitted => {
    let value = read(scope);
    if (value === undefined && strict) throw new ValueProblem('undefined_name', 'is not there');
    for (const step of steps) {
      const next = step.transform.apply(value, step.args(scope));
      if (next === omitted) return omitted;
      value = next;
    }
    return value;
  };
  const evaluate = (scope: Scope): PipeValue | typeof omitted => {
    try {
      return through(scope);
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      const nearby = path === undefined ? undefined : seenAt(path, names, scope);
      throw fieldFailure(field, subject, error, nearby, names.roots.has('steps'));
    }
  };
  return { pipe: { reads: readsOf({ head, stages }, names), evaluate } };
}

/** Transforms that say what becomes of a value that is not there. */
const takesNothing: ReadonlySet<string> = new Set(['default', 'coalesce', 'omit_if_null', 'required']);

/** Takes a single word for the transform of that name; no other word begins a pipe. */
function beginningOf(head: Pipe['head'], names: Names): Pipe['head'] | PipeProblem {
  const { roots } = names;
  if (head.kind !== 'word') return head;
  const { word, at } = head;
  const named = transformsByName.get(word);
  if (named !== undefined && (named.begins === true || !roots.has('steps'))) {
    return { kind: 'call', name: word, args: [], at };
  }
  const [root = '', ...keys] = word.split('.');
  if (roots.has('steps')) return { at, ...unknownName(root, names) };
  const meant = keys.length > 0 ? nearest(root, roots.keys()) : undefined;
  const suggestion =
    meant === undefined
      ? `write source.${word} for the field, or '"${word}"' for the text itself`
      : `did you mean "${[meant, ...keys].join('.')}"?`;
  return { at, message: `${word} is neither a path nor a text`, suggestion };
}

type PathOperand = Extract<Operand, { kind: 'path' }>;

function pathsIn(head: Pipe['head'], calls: readonly Call[]): PathOperand[] {
  return [head, ...calls.flatMap(({ args }) => args)].filter((operand) => operand.kind === 'path');
}

function memberProblemAt({ root, path, at }: PathOperand, names: Names): PipeProblem[] {
  const problem = memberProblem(root, path, names);
  return problem === undefined ? [] : [{ at, ...problem }];
}

const scopeKey = (root: string, { roots }: Names) => roots.get(root) ?? root;

const requiredCall = (at: number): Call => ({ kind: 'call', name: 'required', args: [], at });

interface Step {
  readonly transform: Transform;
  readonly args: ArgumentReader;
}

function compileCall(
  call: Call,
  begins: boolean,
  lookups: Lookups,
  names: Names,
): Step | { problem: PipeProblem } {
  const transform = transformsByName.get(call.name);
  if (transform === undefined) {
    const suggestion = transformInstead(call.name) ?? didYouMean(call.name, transformsByName.keys());
    const problem = { at: call.at, message: `unknown transform "${call.name}"` };
    return { problem: suggestion === undefined ? problem : { ...problem, suggestion } };
  }
  if (begins && transform.begins !== true) {
    return {
      problem: {
        at: call.at,
        message: `${call.name} needs a value before it`,
        suggestion: `write ${names.roots.has('steps') ? 'record' : 'source'}.field | ${call.name}`,
      },
    };
  }
  const args = compileArguments(call, transform, lookups, names);
  return 'problem' in args ? args : { transform, args: args.read };
}

function operandReader(operand: Operand, names: Names): (scope: Scope) => PipeValue {
  switch (operand.kind) {
    case 'path':
      return pathReader(scopeKey(operand.root, names), operand.path);
    case 'literal':
      return () => operand.value;
    case 'word':
      return () => operand.word;
    case 'table':
      return () => operand.entries;
  }
}

/** The beginning of the pipe as it is written, for messages. */
function subjectOf(text: string, stages: readonly Call[]): string {
  const [first] = stages;
  const head = first === undefined ? text : text.slice(0, first.at).replace(/\|\s*$/, '');
  return head.trim().slice(0, 80);
}

/** Paths the pipe reads. The first one is required when nothing can take its place. */
function readsOf({ head, stages }: Pipe, names: Names): PathRead[] {
  const calls = head.kind === 'call' ? [head, ...stages] : stages;
  const required = stages.findIndex(({ name }) => name === 'required');
  const replaced = stages.findIndex(({ name }) => name === 'default' || name === 'coalesce');
  const headRequired = required >= 0 && !(replaced >= 0 && replaced < required);
  const readOf = ({ root, path }: PathOperand, required: boolean, mayMiss: boolean): PathRead => ({
    root: scopeKey(root, names),
    path,
    required,
    mayMiss,
  });
  const mayMiss = !headRequired && stages.some(({ name }) => takesNothing.has(name));
  const first = head.kind === 'path' ? [readOf(head, headRequired, mayMiss)] : [];
  const others = calls.flatMap(({ name, args }) =>
    args.flatMap((arg) => (arg.kind === 'path' ? [readOf(arg, false, name === 'coalesce')] : [])),
  );
  return [...first, ...others];
}

function fieldFailure(
  field: string,
  subject: string,
  problem: ValueProblem,
  nearby: string | undefined,
  /** It has a name of its own for the failure. */
  isInStep: boolean,
): RecordFailure {
  const seen = problem.value === undefined ? nearby : JSON.stringify(problem.value);
  const untrustedMessage = seen === undefined ? undefined : foreignText(seen, 120);
  return new RecordFailure({
    class: 'data',
    code: problem.code,
    message: `${field}: ${subject} ${problem.message}`,
    ...(isInStep ? {} : { step: field }),
    ...(untrustedMessage === undefined ? {} : { untrustedMessage }),
  });
}

/** What stands where a path ends: a key that may have been meant, else the keys there are. */
function seenAt({ root, path }: PathOperand, names: Names, scope: Scope): string | undefined {
  const rootKey = scopeKey(root, names);
  const depth = path.findIndex(
    (_, length) => pathReader(rootKey, path.slice(0, length + 1))(scope) === undefined,
  );
  const key = path[depth];
  const parent = depth < 0 ? undefined : pathReader(rootKey, path.slice(0, depth))(scope);
  if (typeof key !== 'string' || parent === undefined || !isJsonObject(parent)) return undefined;
  const keys = Object.keys(parent).slice(0, 200);
  const similar = nearest(key, keys);
  const owner =
    depth === 0 && rootKey === 'record' ? 'the record' : pathName([root, ...path.slice(0, depth)]);
  if (similar !== undefined) return `${owner} has a field ${JSON.stringify(similar)}`;
  return keys.length === 0 ? `${owner} has no fields` : `${owner} has ${keys.slice(0, 20).join(', ')}`;
}
