import { didYouMean } from '../connectors/did-you-mean.ts';
import { foreignText } from '../connectors/foreign-text.ts';
import { RecordFailure } from '../domain/failure.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';
import type { ExpectedField } from './flow.ts';
import { type ArgumentReader, compileArguments, type Lookups } from './pipe-arguments.ts';
import type { PipeProblem } from './pipe-cursor.ts';
import { type Call, type Operand, type Pipe, parsePipe } from './pipe-syntax.ts';
import { pathName, pathReader, pathRoots, type RecordPath } from './record-path.ts';
import { transformsByName } from './transforms/catalogue.ts';
import { omitted, type PipeValue, type Transform, ValueProblem } from './transforms/transform.ts';

/** A pipe ready to be run for every record. */
export interface CompiledPipe {
  readonly reads: readonly ExpectedField[];
  /**
   * The value for a payload; undefined when nothing is there, `omitted` when the field is left out.
   *
   * @throws RecordFailure of class data, with the field as its step.
   */
  readonly evaluate: (payload: JsonValue) => PipeValue | typeof omitted;
}

/**
 * Compiles `source.name | trim | required`. `field` names what the value is for; with `required` the pipe
 * ends as if the word stood there.
 */
export function compilePipe(
  text: string,
  field: string,
  lookups: Lookups,
  required = false,
): { pipe: CompiledPipe } | { problems: readonly PipeProblem[] } {
  const parsed = parsePipe(text);
  if ('problem' in parsed) return { problems: [parsed.problem] };

  const head = beginningOf(parsed.pipe.head);
  if ('message' in head) return { problems: [head] };
  const stages = required ? [...parsed.pipe.stages, requiredCall(text.length)] : parsed.pipe.stages;
  const calls = head.kind === 'call' ? [head, ...stages] : stages;
  const compiled = calls.map((call) => compileCall(call, call === head, lookups));
  const problems = compiled.flatMap((stage) => ('problem' in stage ? [stage.problem] : []));
  if (problems.length > 0) return { problems };

  const steps = compiled.flatMap((stage) => ('problem' in stage ? [] : [stage]));
  const read = head.kind === 'call' ? () => undefined : operandReader(head);
  const subject = subjectOf(text, stages);
  const path = head.kind === 'path' ? head.path : undefined;

  const evaluate = (payload: JsonValue): PipeValue | typeof omitted => {
    try {
      let value = read(payload);
      for (const step of steps) {
        const next = step.transform.apply(value, step.args(payload));
        if (next === omitted) return omitted;
        value = next;
      }
      return value;
    } catch (error) {
      throw error instanceof ValueProblem ? fieldFailure(field, subject, path, error, payload) : error;
    }
  };
  return { pipe: { reads: readsOf({ head, stages }), evaluate } };
}

/** Takes a single word for the transform of that name; no other word begins a pipe. */
function beginningOf(head: Pipe['head']): Pipe['head'] | PipeProblem {
  if (head.kind !== 'word') return head;
  const { word, at } = head;
  if (transformsByName.has(word)) return { kind: 'call', name: word, args: [], at };

  const [root = '', ...keys] = word.split('.');
  const meant = keys.length > 0 ? nearest(root, pathRoots) : undefined;
  const suggestion =
    meant === undefined
      ? `write source.${word} for the field, or '"${word}"' for the text itself`
      : `did you mean "${[meant, ...keys].join('.')}"?`;
  return { at, message: `${word} is neither a path nor a text`, suggestion };
}

const requiredCall = (at: number): Call => ({ kind: 'call', name: 'required', args: [], at });

interface Step {
  readonly transform: Transform;
  readonly args: ArgumentReader;
}

function compileCall(call: Call, begins: boolean, lookups: Lookups): Step | { problem: PipeProblem } {
  const transform = transformsByName.get(call.name);
  if (transform === undefined) {
    const suggestion = didYouMean(call.name, transformsByName.keys());
    const problem = { at: call.at, message: `unknown transform "${call.name}"` };
    return { problem: suggestion === undefined ? problem : { ...problem, suggestion } };
  }
  if (begins && transform.begins !== true) {
    return {
      problem: {
        at: call.at,
        message: `${call.name} needs a value before it`,
        suggestion: `write source.field | ${call.name}`,
      },
    };
  }
  const args = compileArguments(call, transform, lookups);
  return 'problem' in args ? args : { transform, args: args.read };
}

function operandReader(operand: Operand): (payload: JsonValue) => PipeValue {
  switch (operand.kind) {
    case 'path':
      return pathReader(operand.path);
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
function readsOf({ head, stages }: Pipe): ExpectedField[] {
  const calls = head.kind === 'call' ? [head, ...stages] : stages;
  const required = stages.findIndex(({ name }) => name === 'required');
  const replaced = stages.findIndex(({ name }) => name === 'default' || name === 'coalesce');
  const headRequired = required >= 0 && !(replaced >= 0 && replaced < required);
  const first = head.kind === 'path' ? [{ path: pathName(head.path), required: headRequired }] : [];
  const others = calls.flatMap(({ args }) =>
    args.flatMap((arg) => (arg.kind === 'path' ? [{ path: pathName(arg.path), required: false }] : [])),
  );
  return [...first, ...others];
}

function fieldFailure(
  field: string,
  subject: string,
  path: RecordPath | undefined,
  problem: ValueProblem,
  payload: JsonValue,
): RecordFailure {
  const seen = problem.value === undefined ? similarField(path, payload) : JSON.stringify(problem.value);
  const untrustedMessage = seen === undefined ? undefined : foreignText(seen, 120);
  return new RecordFailure({
    class: 'data',
    code: problem.code,
    message: `${field}: ${subject} ${problem.message}`,
    step: field,
    ...(untrustedMessage === undefined ? {} : { untrustedMessage }),
  });
}

/** A key of the record that may have been meant: the header of a column is easily written differently. */
function similarField(path: RecordPath | undefined, payload: JsonValue): string | undefined {
  const [key] = path ?? [];
  if (typeof key !== 'string' || !isJsonObject(payload) || Object.hasOwn(payload, key)) return undefined;
  const similar = nearest(key, Object.keys(payload).slice(0, 200));
  return similar === undefined ? undefined : `the record has a field ${JSON.stringify(similar)}`;
}
