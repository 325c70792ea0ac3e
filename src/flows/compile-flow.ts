import { createHash } from 'node:crypto';
import { v5 } from 'uuid';
import {
  type FileProblem,
  formatProblem,
  maxFileProblems,
  sortProblems,
} from '../connectors/file-problem.ts';
import { checkShape } from '../connectors/file-shape.ts';
import { readYaml, type YamlFile } from '../connectors/yaml-file.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { compileTargetTemplates, type TargetTemplates } from './call-target.ts';
import type { BatchDefaults, ExpectedField, Flow } from './flow.ts';
import { echoTarget, type FlowFile, flowFileSchema } from './flow-file.ts';
import { compileMapping, type Mapping, type MappingProblem } from './mapping.ts';
import { type MappedCall, runCall } from './mapping-run.ts';
import type { Lookups } from './pipe-arguments.ts';
import { defaultRetry } from './retry-grammar.ts';

/** Something wrong with a flow's file. */
export type FlowProblem = FileProblem;
export { formatProblem };

/** Everything `flow_id`s are derived in; changing it would change them all. */
const flowNamespace = '6f0c64d1-7c0b-5a3e-9a53-2f3f5d8a1c77';

/** The id of a flow: the same for every revision. */
export function flowIdOf(name: string): string {
  return v5(name, flowNamespace);
}

/** What jobs are pinned to. */
export function revisionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Compiles the text of a flow. Pure; never throws: everything wrong with it comes back at once. */
export function compileFlow(text: string, file: string): { flow: Flow } | { problems: FlowProblem[] } {
  const read = readYaml(text, file);
  if ('problems' in read) return read;
  const { yaml } = read;
  const { value } = yaml;
  if (!isJsonObject(value)) {
    const advice = 'write flow: NAME, target: and mapping:, or run sluice init for an example';
    return { problems: [yaml.problem({ path: [] }, 'is not a flow', advice)] };
  }
  const later = keysOfLater.find((key) => Object.hasOwn(value, key));
  if (later !== undefined) {
    return {
      problems: [yaml.problem({ path: [later], key: true }, `flows with ${later} are not available yet`)],
    };
  }

  const shape = checkShape(yaml, flowFileSchema);
  const parts = compileParts(value);
  const problems = [
    ...('problems' in shape ? shape.problems : []),
    ...parts.problems.slice(0, maxFileProblems).map((problem) => problemInFile(yaml, problem)),
    ...('data' in shape ? endpointMissing(yaml, shape.data) : []),
  ];
  if (problems.length > 0 || 'problems' in shape) return { problems: sortProblems(problems) };
  return { flow: assemble(text, shape.data, parts) };
}

/** Keys of the kinds of flow that are not mapping flows. */
const keysOfLater = ['steps', 'fan_out'];

interface Parts {
  readonly mapping: Mapping | undefined;
  readonly templates: TargetTemplates;
  readonly problems: readonly MappingProblem[];
}

/** Compiles the texts of the mapping language even in a file of the wrong shape, to report all at once. */
function compileParts(file: Readonly<Record<string, unknown>>): Parts {
  const lookups = lookupsOf(file.lookups);
  const mapped = isJsonObject(file.mapping) ? compileMapping(file.mapping, lookups) : undefined;
  const { templates, problems } = compileTargetTemplates(file.target, lookups);
  const mappingProblems = mapped !== undefined && 'problems' in mapped ? mapped.problems : [];
  return {
    mapping: mapped !== undefined && 'mapping' in mapped ? mapped.mapping : undefined,
    templates,
    problems: [
      ...mappingProblems.map((problem) => ({ ...problem, path: ['mapping', ...problem.path] })),
      ...problems,
    ],
  };
}

function lookupsOf(block: unknown): Lookups {
  if (!isJsonObject(block)) return {};
  const tables = Object.entries(block).flatMap(([name, table]) =>
    isJsonObject(table) ? [[name, table] as const] : [],
  );
  return Object.fromEntries<Readonly<Record<string, JsonValue>>>(tables);
}

function problemInFile(yaml: YamlFile, { path, key, at, message, suggestion }: MappingProblem): FlowProblem {
  const spot = key === true ? { path, key } : { path, offset: at };
  return yaml.problem(spot, `${path.join('.')}: ${message}`, suggestion);
}

function endpointMissing(yaml: YamlFile, { target }: FlowFile): FlowProblem[] {
  if (target === echoTarget || target.connector === echoTarget || target.endpoint !== undefined) return [];
  return [
    yaml.problem(
      { path: ['target', 'endpoint'] },
      'target.endpoint is missing',
      'name the path below base_url, such as /api/customers',
    ),
  ];
}

function assemble(text: string, file: FlowFile, { mapping, templates }: Parts): Flow {
  const call = callOf(file, templates, mapping);
  return {
    flowId: flowIdOf(file.flow),
    name: file.flow,
    version: file.version ?? null,
    revision: revisionOf(text),
    description: file.description ?? null,
    text,
    hasEffects: call !== undefined && call.method !== 'GET',
    retry: file.on_error?.retry ?? defaultRetry,
    afterFailure: file.on_error?.then ?? 'log',
    batch: batchOf(file),
    connectors: call === undefined ? [] : [call.connector],
    expects: merged([...(mapping?.reads ?? []), ...templates.reads]),
    summary:
      call === undefined
        ? 'echo: the mapped record is the result'
        : `${call.method} ${call.connector} ${call.endpoint}`,
    run(attempt) {
      if (call !== undefined) return runCall(call, attempt);
      return mapping === undefined ? attempt.payload : mapping.apply(attempt.payload);
    },
  };
}

function callOf(
  { target }: FlowFile,
  templates: TargetTemplates,
  mapping: Mapping | undefined,
): MappedCall | undefined {
  if (target === echoTarget || target.connector === echoTarget) return undefined;
  const { connector, method = 'POST', endpoint = '/', timeout } = target;
  return { connector, method, endpoint, templates, timeoutMs: timeout, mapping };
}

function batchOf({ batch = {} }: FlowFile): BatchDefaults {
  return {
    ...(batch.concurrency === undefined ? {} : { concurrency: batch.concurrency }),
    ...(batch.continue_on_error === undefined ? {} : { continueOnError: batch.continue_on_error }),
    ...(batch.on_record_failure === undefined ? {} : { onRecordFailure: batch.on_record_failure }),
    ...(batch.max_failures === undefined ? {} : { maxFailures: batch.max_failures }),
    ...(batch.id_field === undefined ? {} : { idField: batch.id_field }),
  };
}

/** Each path once; required when any use of it is. */
function merged(fields: readonly ExpectedField[]): ExpectedField[] {
  const byPath = new Map<string, boolean>();
  for (const { path, required } of fields) {
    if (path !== '') byPath.set(path, required || byPath.get(path) === true);
  }
  return [...byPath].map(([path, required]) => ({ path, required }));
}
