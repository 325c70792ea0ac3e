import type { RecordFailure } from '../domain/failure.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { type CompiledPipe, compilePipe } from './compile-pipe.ts';
import { applyOperation, type JsonOperation, notApplicable, operationProblem } from './json-patch.ts';
import { fieldPath, payloadNames, payloadScope } from './payload-names.ts';
import type { RecordPath } from './record-path.ts';
import { omitted } from './transforms/transform.ts';

export type PatchText =
  | { readonly set: Readonly<Record<string, JsonValue>> }
  | { readonly json_patch: readonly JsonOperation[] };

/**
 * Makes of a payload what it becomes.
 *
 * @throws RecordFailure of class data when the patch does not fit it.
 */
export type PayloadPatch = (payload: JsonValue) => JsonValue;

/** @throws SluiceError `invalid_input` for a pipe, or an operation, that is none. */
export function compilePatch(patch: PatchText): PayloadPatch {
  return 'set' in patch ? compileSet(patch.set) : compileOperations(patch.json_patch);
}

function compileOperations(operations: readonly JsonOperation[]): PayloadPatch {
  for (const [at, operation] of operations.entries()) {
    const problem = operationProblem(operation);
    if (problem === undefined) continue;
    throw new SluiceError('invalid_input', `patch.json_patch[${at}]: ${problem}. Nothing was changed.`);
  }
  return (payload) => operations.reduce(applyOperation, payload);
}

/** A text that begins with the name of the record and a path is a pipe. */
const pipeForm = /^\s*(?:payload|record|source|item)(?:\.|\[|\s*\|)/;

interface Setting {
  readonly field: string;
  /** undefined: leaves the field as it is. */
  readonly value: (payload: JsonValue) => ReturnType<CompiledPipe['evaluate']>;
}

function compileSet(set: Readonly<Record<string, JsonValue>>): PayloadPatch {
  const settings = Object.entries(set).map(([field, value]): Setting => {
    refuseKeys(field);
    return {
      field,
      value: typeof value === 'string' && pipeForm.test(value) ? pipeOf(field, value) : () => value,
    };
  });
  // Every pipe sees the payload as it was, so that their order means nothing.
  return (payload) =>
    settings.reduce((patched, { field, value }) => {
      const set = value(payload);
      return set === undefined ? patched : withField(patched, pathIn(payload, field), set);
    }, payload);
}

function refuseKeys(field: string): void {
  const refused = fieldPath(null, field).find((key) => forbiddenKeys.includes(key));
  if (refused === undefined) return;
  throw new SluiceError(
    'invalid_input',
    `patch.set: "${refused}" cannot be part of a field's name. Nothing was changed.`,
  );
}

const forbiddenKeys: readonly (string | number)[] = ['__proto__', 'constructor', 'prototype'];

/** @throws RecordFailure of class data for a name with nothing before or behind a dot, unless a field has it. */
function pathIn(payload: JsonValue, field: string): RecordPath {
  const path = fieldPath(payload, field);
  if (field !== '' && !path.includes('')) return path;
  throw notApplicable(
    `set ${field.slice(0, 100)}: no field has this name; one with a dot in it is written ["${field.slice(0, 100)}"]`,
  );
}

function pipeOf(field: string, text: string): Setting['value'] {
  const compiled = compilePipe(text, field, { lookups: {}, names: payloadNames });
  if ('problems' in compiled) {
    const [problem] = compiled.problems;
    const advice = problem?.suggestion === undefined ? '' : ` (${problem.suggestion})`;
    throw new SluiceError(
      'invalid_input',
      `patch.set: ${field}: ${problem?.message ?? 'cannot be read'}${advice}. A text that begins with payload. is a pipe. Nothing was changed.`,
    );
  }
  return (payload) => compiled.pipe.evaluate(payloadScope(payload));
}

/**
 * The value with one field set, its parents made where there are none, or left out with `omitted`. A payload that is
 * no object gives way to one: what could not be read is replaced so.
 *
 * @throws RecordFailure of class data where a list or a value is in the way, which would be lost
 */
function withField(
  value: JsonValue | undefined,
  whole: RecordPath,
  set: JsonValue | typeof omitted,
  depth = 0,
): JsonValue {
  const key = whole[depth];
  if (key === undefined) return set === omitted ? null : set;
  const inside = (inner: JsonValue | undefined) => withField(inner, whole, set, depth + 1);
  if (Array.isArray(value) && /^\d+$/.test(String(key)) && Number(key) < value.length) {
    return value.map((item: JsonValue, at) => (at === Number(key) ? inside(item) : item));
  }
  if (depth > 0 && holdsSomething(value)) throw inTheWay(whole, depth, value);
  const object: JsonObject = isJsonObject(value) ? value : {};
  if (depth === whole.length - 1 && set === omitted) {
    return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
  }
  return { ...object, [key]: inside(Object.hasOwn(object, key) ? object[key] : undefined) };
}

/** It is no object, and there is something in it. */
const holdsSomething = (value: JsonValue | undefined): boolean =>
  value !== undefined && value !== null && value !== '' && !isJsonObject(value);

function inTheWay(whole: RecordPath, depth: number, value: JsonValue | undefined): RecordFailure {
  const holder = whole.slice(0, depth).join('.').slice(0, 100);
  const what = Array.isArray(value)
    ? `is a list of ${value.length}, whose items are counted from 0`
    : 'is a value without fields';
  return notApplicable(`set ${whole.join('.').slice(0, 100)}: ${holder} ${what}`);
}
