import { meantBy } from '../connectors/did-you-mean.ts';
import { type FileProblem, maxFileProblems, sortProblems } from '../connectors/file-problem.ts';
import { checkShape } from '../connectors/file-shape.ts';
import type { YamlFile } from '../connectors/yaml-file.ts';
import { isJsonObject } from '../domain/json.ts';
import { recordStatuses } from '../domain/record.ts';
import { compileFailedItems } from './compile-failed-items.ts';
import { lookupsOf } from './compile-mapping-flow.ts';
import { expectedFields } from './expected-fields.ts';
import type { FailedItems } from './failed-items.ts';
import type { Flow } from './flow.ts';
import { stepsDigest } from './flow-digest.ts';
import { batchOf } from './flow-file.ts';
import { type FlowIdentity, flowIdOf } from './flow-identity.ts';
import { inputOf, withInput } from './input-schema.ts';
import { type Names, recordNames, withStep } from './names.ts';
import { parameterProblems, parametersOf } from './parameters.ts';
import { publishedForm, withPublished } from './published-api.ts';
import { defaultRetry } from './retry-grammar.ts';
import { StepCompiler } from './step-compiler.ts';
import { type StepFlowFile, stepFlowFileSchema } from './step-flow-file.ts';
import { type Output, runEnding, runFlowSteps, traceFlowSteps } from './step-flow-run.ts';
import type { StepList } from './step-frame.ts';
import { needsOf } from './step-needs.ts';
import { successAdvice } from './success-advice.ts';
import { compileValue } from './template-value.ts';
import { compileUndoSteps, type UndoSteps, withUndoSteps } from './undo-steps.ts';

/** Compiles a flow of named steps. */
export function compileStepFlow(
  yaml: YamlFile,
  value: Readonly<Record<string, unknown>>,
  identity: FlowIdentity,
): { flow: Flow } | { problems: FileProblem[] } {
  const shape = checkShape(yaml, stepFlowFileSchema, successAdvice);
  // Steps are compiled even in a file of the wrong shape, to report all at once.
  const parts = compileParts(yaml, value);
  const { input, problems: wrongInput } = inputOf(yaml, value.input);
  const lookups = lookupsOf(value.lookups);
  const { form, problems: wrongForm } = publishedForm(yaml, value.published_api, lookups);
  const problems = [
    ...('problems' in shape ? shape.problems.filter(({ message }) => !saidBetter(message, value)) : []),
    ...parts.compiler.problems.slice(0, maxFileProblems),
    ...(parts.undo?.compiler.problems.slice(0, maxFileProblems) ?? []),
    ...parameterProblems(value.params).map(({ path, message, suggestion }) =>
      yaml.problem({ path }, message, suggestion),
    ),
    ...wrongInput,
    ...wrongForm,
    ...contradictions(yaml, value),
  ];
  if (problems.length > 0 || 'problems' in shape) return { problems: sortProblems(problems) };
  const flow = withInput(assemble(identity, shape.data, parts), input);
  const published = withPublished(flow, shape.data.published_api, input, form);
  return { flow: withUndoSteps(published, parts.undo) };
}

interface Parts {
  readonly compiler: StepCompiler;
  readonly steps: StepList;
  readonly output: Output | undefined;
  readonly failedItems: FailedItems | undefined;
  readonly atEnd: StepList | undefined;
  readonly undo: UndoSteps | undefined;
}

function compileParts(yaml: YamlFile, written: Readonly<Record<string, unknown>>): Parts {
  const { file, keyOf } = withoutSlips(written);
  const takesChunks = file.size !== undefined;
  const names = flowNames(file, takesChunks);
  const lookups = lookupsOf(file.lookups);
  const checkpoint = file.checkpoint === true;
  const compiler = new StepCompiler(yaml, lookups);
  const place = { literalItems: undefined, takesChunks, checkpoint };
  const steps = compiler.steps(file.steps, { ...place, path: [keyOf('steps')], names });

  const after = namesAfter(names, steps);
  const output =
    file.output === undefined ? undefined : compileOutput(file, keyOf('output'), yaml, compiler, after);
  const answered = compileFailedItems(file.failed_items, {
    ...{ yaml, lookups, file, key: keyOf('failed_items') },
    names: after,
    hasEffects: compiler.hasEffects,
  });
  compiler.reads.push(...answered.reads);
  compiler.problems.push(...answered.problems);
  const ending = {
    ...place,
    takesChunks: false,
    atEnd: true,
    path: [keyOf('finally')],
    names: endNames(file),
  };
  const atEnd = file.finally === undefined ? undefined : compiler.steps(file.finally, ending);
  const ofRecord = { yaml, lookups, key: keyOf('undo'), names: flowNames(file, false), checkpoint };
  const undo = compileUndoSteps(file, ofRecord);
  return { compiler, steps, output, failedItems: answered.failedItems, atEnd, undo };
}

/** What stands under a slip of one of these keys, which is reported, is compiled all the same. */
function withoutSlips(written: Readonly<Record<string, unknown>>) {
  const known = Object.keys(stepFlowFileSchema.shape);
  const strange = Object.keys(written)
    .filter((key) => !known.includes(key))
    .slice(0, maxFileProblems);
  const keyOf = (wanted: string): string => {
    if (Object.hasOwn(written, wanted)) return wanted;
    return strange.find((key) => meantBy(key, known) === wanted) ?? wanted;
  };
  const compiled = ['steps', 'output', 'failed_items', 'finally', 'undo'].map(
    (key) => [key, written[keyOf(key)]] as const,
  );
  return { file: { ...written, ...Object.fromEntries(compiled) }, keyOf };
}

function compileOutput(
  file: Readonly<Record<string, unknown>>,
  key: string,
  yaml: YamlFile,
  compiler: StepCompiler,
  names: Names,
): Output {
  const compiled = compileValue(file.output, [], { lookups: lookupsOf(file.lookups), names, strict: true });
  for (const { path, at, key: isKey, message, suggestion } of compiled.problems) {
    const whole = [key, ...path];
    const spot = isKey === true ? { path: whole, key: true } : { path: whole, offset: at };
    compiler.problems.push(yaml.problem(spot, `output: ${message}`, suggestion));
  }
  compiler.reads.push(...compiled.reads);
  return compiled.value;
}

const standing = (names: readonly string[]) => new Map(names.map((name) => [name, name] as const));

/** What a step sees before any has run. */
function flowNames(file: Readonly<Record<string, unknown>>, takesChunks: boolean): Names {
  const others = ['steps', 'env', 'batch', 'params'];
  return {
    roots: takesChunks
      ? standing(['items', 'indexes', ...others])
      : new Map([...recordNames.roots, ...standing(others)]),
    members: new Map([['steps', []], ['batch', ['id', 'index', 'total']], ...parameterMembers(file)]),
  };
}

function endNames(file: Readonly<Record<string, unknown>>): Names {
  return {
    roots: standing(['steps', 'env', 'params', 'job', 'counts']),
    members: new Map([
      ['steps', []],
      ['job', ['id', 'status', 'wave', 'flow']],
      ['counts', ['total', ...recordStatuses]],
      ...parameterMembers(file),
    ]),
  };
}

/** Parameters that are declared are all there are. */
function parameterMembers({ params }: Readonly<Record<string, unknown>>): [string, string[]][] {
  return isJsonObject(params) ? [['params', Object.keys(params)]] : [];
}

function namesAfter(names: Names, steps: StepList): Names {
  return steps.reduce((seen, { name, output }) => withStep(seen, name, output), names);
}

/** Keys of mapping flows, and what a flow of steps has instead. */
const ofMappings: Readonly<Record<string, string>> = {
  target: 'make the call in a step of type: http_request',
  mapping: 'write it as a step of type: transform',
  result: 'name what is kept with output',
};

/** The compiler of the steps, or `contradictions`, has better words for it. */
function saidBetter(message: string, file: Readonly<Record<string, unknown>>): boolean {
  if (message === 'steps is missing') return true;
  const keys = Object.hasOwn(file, 'steps') ? Object.keys(ofMappings) : [];
  return keys.some((key) => Object.hasOwn(file, key) && message === `unknown key "${key}"`);
}

/** Looks at the keys alone, so that it sees them whatever else is wrong with the file. */
function contradictions(yaml: YamlFile, file: Readonly<Record<string, unknown>>): FileProblem[] {
  const problem = (key: string, message: string, suggestion?: string) =>
    yaml.problem({ path: [key], key: true }, message, suggestion);
  const onError = isJsonObject(file.on_error) ? file.on_error : {};
  return [
    ...(file.flow !== undefined && file.name !== undefined
      ? [problem('name', 'name is another word for flow; give one')]
      : []),
    ...(file.retry !== undefined && onError.retry !== undefined
      ? [problem('retry', 'retry is another way to write on_error.retry; give one')]
      : []),
    ...Object.entries(ofMappings).flatMap(([key, advice]) =>
      Object.hasOwn(file, key) && Object.hasOwn(file, 'steps')
        ? [problem(key, `${key} belongs to a flow without steps`, advice)]
        : [],
    ),
    ...['on_chunk_error', 'failed_items'].flatMap((key) =>
      file[key] !== undefined && file.size === undefined ? [problem(key, `${key} needs size`)] : [],
    ),
  ];
}

function assemble(
  { revision, text, fileName }: FlowIdentity,
  file: StepFlowFile,
  { compiler, steps, output, failedItems, atEnd }: Parts,
): Flow {
  const name = file.flow ?? file.name ?? fileName;
  const retry = file.retry ?? file.on_error?.retry ?? defaultRetry;
  const { needs, environment } = needsOf(compiler);
  const recordSteps = { steps, output, failedItems, retry, environment };
  return {
    flowId: flowIdOf(name),
    name,
    version: file.version ?? null,
    revision,
    description: file.description ?? null,
    text,
    kind: 'steps',
    hasEffects: compiler.hasEffects,
    retry,
    afterFailure: file.on_error?.then ?? 'log',
    batch: batchOf(file.batch),
    redact: file.redact,
    confirm: file.confirm,
    chunk: file.size === undefined ? undefined : { size: file.size, onError: file.on_chunk_error ?? 'fail' },
    parameters: parametersOf(file.params),
    connectors: [...compiler.connectors.values()],
    requests: compiler.requests,
    needs,
    expects: expectedFields(compiler.reads),
    summary: summaryOf(steps),
    run: (attempt) => runFlowSteps(recordSteps, attempt),
    digest: (payload, params) => stepsDigest(revision, payload, params),
    trace: (attempt, write) => traceFlowSteps(recordSteps, attempt, write ? 'all' : 'reads'),
    rehearse: (attempt) => traceFlowSteps(recordSteps, attempt, 'inside'),
    atEnd:
      atEnd === undefined ? undefined : (ending) => runEnding({ steps: atEnd, environment, name }, ending),
  };
}

/** `find, create: POST crm /customers, tell` */
function summaryOf(steps: StepList): string {
  const shown = steps.slice(0, 6).map(({ name, body }) => `${name} (${body.summary})`);
  return shown.join(' → ') + (steps.length > 6 ? ` → ${steps.length - 6} more` : '');
}
