import { type FileProblem, maxFileProblems, sortProblems } from '../connectors/file-problem.ts';
import { checkShape } from '../connectors/file-shape.ts';
import type { YamlFile } from '../connectors/yaml-file.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { type AnswerCheck, readsOf } from './answer-check.ts';
import { compileTargetTemplates, mapsIntoQuery, queryClashes, type TargetTemplates } from './call-target.ts';
import { compileAnswerCheck } from './compile-answer-check.ts';
import { expectedFields } from './expected-fields.ts';
import type { Flow } from './flow.ts';
import { mappingDigest } from './flow-digest.ts';
import { batchOf, echoTarget, type FlowFile, flowFileSchema } from './flow-file.ts';
import { type FlowIdentity, flowIdOf } from './flow-identity.ts';
import { inputOf, withInput } from './input-schema.ts';
import { answerNames } from './kept-answer.ts';
import { compileMappingBlock, type Mapping, type MappingProblem } from './mapping.ts';
import { type MappedCall, runCall } from './mapping-run.ts';
import { rehearseMapping, traceMapping } from './mapping-trace.ts';
import { recordNames } from './names.ts';
import type { Lookups } from './pipe-arguments.ts';
import { publishedForm, withPublished } from './published-api.ts';
import { requestsOf } from './requests.ts';
import { defaultRetry } from './retry-grammar.ts';
import { successAdvice } from './success-advice.ts';
import { compileUndoCall, keptKeysOf, type UndoCallParts, undoByCall, undoMistakes } from './undo-call.ts';
import { withUndo } from './undo-flow.ts';

/** Compiles a flow that makes one call for each record. */
export function compileMappingFlow(
  yaml: YamlFile,
  value: Readonly<Record<string, unknown>>,
  identity: FlowIdentity,
): { flow: Flow } | { problems: FileProblem[] } {
  const shape = checkShape(yaml, flowFileSchema, successAdvice);
  const parts = compileParts(value);
  const { input, problems: wrongInput } = inputOf(yaml, value.input);
  const lookups = lookupsOf(value.lookups);
  const { form, problems: wrongForm } = publishedForm(yaml, value.published_api, lookups);
  const problems = [
    ...('problems' in shape ? shape.problems : []),
    ...parts.problems.slice(0, maxFileProblems).map((problem) => problemInFile(yaml, problem)),
    ...wrongInput,
    ...wrongForm,
    ...('data' in shape ? [...endpointMissing(yaml, shape.data), ...undoMistakes(yaml, shape.data)] : []),
    ...nothingUsed(yaml, value, parts),
  ];
  if (problems.length > 0 || 'problems' in shape) return { problems: sortProblems(problems) };
  const flow = withInput(assemble(identity, shape.data, parts), input);
  return { flow: withPublished(flow, shape.data.published_api, input, form) };
}

interface Parts {
  readonly mapping: Mapping | undefined;
  readonly templates: TargetTemplates;
  readonly check: AnswerCheck | undefined;
  readonly keeps: Mapping | undefined;
  readonly undo: UndoCallParts;
  readonly problems: readonly MappingProblem[];
}

/** Compiles the texts of the mapping language even in a file of the wrong shape, to report all at once. */
function compileParts(file: Readonly<Record<string, unknown>>): Parts {
  const lookups = lookupsOf(file.lookups);
  const mapped = compileMappingBlock(file.mapping, 'mapping', { lookups, names: recordNames });
  const kept = compileMappingBlock(file.result, 'result', { lookups, names: answerNames });
  const { templates, problems } = compileTargetTemplates(file.target, lookups);
  const checked = compileAnswerCheck(file.target, { key: 'target', names: recordNames });
  const undo = compileUndoCall(file.undo, lookups, keptKeysOf(file));
  return {
    mapping: mapped.mapping,
    templates,
    check: checked.check,
    keeps: kept.mapping,
    undo,
    problems: [
      ...mapped.problems,
      ...problems,
      ...checked.problems,
      ...queryClashes({ key: 'target', method: 'POST' }, file.target, file.mapping),
      ...kept.problems,
      ...undo.problems,
    ],
  };
}

export function lookupsOf(block: unknown): Lookups {
  if (!isJsonObject(block)) return {};
  const tables = Object.entries(block).flatMap(([name, table]) =>
    isJsonObject(table) ? [[name, table] as const] : [],
  );
  return Object.fromEntries<Readonly<Record<string, JsonValue>>>(tables);
}

function problemInFile(yaml: YamlFile, { path, key, at, message, suggestion }: MappingProblem): FileProblem {
  const spot = key === true ? { path, key } : { path, offset: at };
  return yaml.problem(spot, `${path.join('.')}: ${message}`, suggestion);
}

function endpointMissing(yaml: YamlFile, { target }: FlowFile): FileProblem[] {
  if (target === echoTarget || target.connector === echoTarget || target.endpoint !== undefined) return [];
  return [
    yaml.problem(
      { path: ['target', 'endpoint'] },
      'target.endpoint is missing',
      'name the path below base_url, such as /api/customers',
    ),
  ];
}

/** An empty mapping keeps a record out of the body or query; it has to be used somewhere else then. */
function nothingUsed(
  yaml: YamlFile,
  { mapping, target }: Readonly<Record<string, unknown>>,
  { templates, problems }: Parts,
): FileProblem[] {
  if (!isJsonObject(mapping) || Object.keys(mapping).length > 0) return [];
  if (templates.reads.length > 0 || problems.length > 0) return [];
  return [
    yaml.problem(
      { path: ['mapping'], key: true },
      'mapping is empty and the target names no field, so nothing of a record would be used',
      `write target field: source.field, or ${isBodiless(target) ? 'name a field in target.endpoint or target.query' : 'leave mapping out to send the whole record'}`,
    ),
  ];
}

const isBodiless = (target: unknown) =>
  isJsonObject(target) && mapsIntoQuery(String(target.method).toUpperCase());

function assemble(identity: FlowIdentity, file: FlowFile, parts: Parts): Flow {
  const flow = withoutUndo(identity, file, parts);
  const undo = file.undo === undefined ? undefined : undoByCall(flow, file.undo, file.target, parts.undo);
  return undo === undefined ? flow : withUndo(flow, undo);
}

function withoutUndo({ revision, text }: FlowIdentity, file: FlowFile, parts: Parts): Flow {
  const { mapping, templates, check } = parts;
  const call = callOf(file, parts);
  return {
    flowId: flowIdOf(file.flow),
    name: file.flow,
    version: file.version ?? null,
    revision,
    description: file.description ?? null,
    text,
    kind: 'mapping',
    hasEffects: call !== undefined && call.method !== 'GET',
    retry: file.on_error?.retry ?? defaultRetry,
    afterFailure: file.on_error?.then ?? 'log',
    batch: batchOf(file.batch),
    redact: file.redact,
    confirm: file.confirm,
    chunk: undefined,
    parameters: [],
    connectors: call === undefined ? [] : [{ name: call.connector, type: 'http' }],
    requests: call && requestsOf(call.connector, call.method),
    needs: { codeSteps: [], variables: [], approval: [] },
    expects: expectedFields([
      ...(mapping?.reads ?? []),
      ...templates.reads,
      ...(check === undefined ? [] : readsOf(check)),
    ]),
    summary:
      call === undefined
        ? 'echo: the mapped record is the result'
        : `${call.method} ${call.connector} ${call.endpoint}`,
    run(attempt) {
      if (call !== undefined) return runCall(call, attempt);
      return mapping === undefined ? attempt.payload : mapping.apply({ record: attempt.payload });
    },
    trace: (attempt, write) => traceMapping(call, mapping, attempt, write),
    digest: (payload) => mappingDigest(call, mapping, payload),
    rehearse: (attempt) => rehearseMapping(call, mapping, attempt),
  };
}

function callOf(
  { target, undo }: FlowFile,
  { mapping, templates, check, keeps }: Parts,
): MappedCall | undefined {
  if (target === echoTarget || target.connector === echoTarget) return undefined;
  const { connector, method = 'POST', endpoint = '/', timeout } = target;
  return {
    step: 'target',
    connector,
    method,
    endpoint,
    templates,
    timeoutMs: timeout,
    mapping,
    check,
    keeps,
    hasUndo: undo !== undefined,
    gone: [],
  };
}
