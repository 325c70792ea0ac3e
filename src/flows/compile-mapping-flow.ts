import { type FileProblem, maxFileProblems, sortProblems } from '../connectors/file-problem.ts';
import { checkShape } from '../connectors/file-shape.ts';
import type { YamlFile } from '../connectors/yaml-file.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { compileTargetTemplates, type TargetTemplates } from './call-target.ts';
import { type FlowIdentity, flowIdOf } from './compile-flow.ts';
import { expectedFields } from './expected-fields.ts';
import type { Flow } from './flow.ts';
import { batchOf, echoTarget, type FlowFile, flowFileSchema } from './flow-file.ts';
import { compileMapping, type Mapping, type MappingProblem } from './mapping.ts';
import { type MappedCall, runCall } from './mapping-run.ts';
import { traceMapping } from './mapping-trace.ts';
import { recordNames } from './names.ts';
import type { Lookups } from './pipe-arguments.ts';
import { defaultRetry } from './retry-grammar.ts';

/** Compiles a flow that makes one call for each record. */
export function compileMappingFlow(
  yaml: YamlFile,
  value: Readonly<Record<string, unknown>>,
  identity: FlowIdentity,
): { flow: Flow } | { problems: FileProblem[] } {
  const shape = checkShape(yaml, flowFileSchema);
  const parts = compileParts(value);
  const problems = [
    ...('problems' in shape ? shape.problems : []),
    ...parts.problems.slice(0, maxFileProblems).map((problem) => problemInFile(yaml, problem)),
    ...('data' in shape ? endpointMissing(yaml, shape.data) : []),
  ];
  if (problems.length > 0 || 'problems' in shape) return { problems: sortProblems(problems) };
  return { flow: assemble(identity, shape.data, parts) };
}

interface Parts {
  readonly mapping: Mapping | undefined;
  readonly templates: TargetTemplates;
  readonly problems: readonly MappingProblem[];
}

/** Compiles the texts of the mapping language even in a file of the wrong shape, to report all at once. */
function compileParts(file: Readonly<Record<string, unknown>>): Parts {
  const lookups = lookupsOf(file.lookups);
  const mapped = isJsonObject(file.mapping)
    ? compileMapping(file.mapping, { lookups, names: recordNames })
    : undefined;
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

function assemble({ revision, text }: FlowIdentity, file: FlowFile, { mapping, templates }: Parts): Flow {
  const call = callOf(file, templates, mapping);
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
    chunk: undefined,
    parameters: [],
    connectors: call === undefined ? [] : [{ name: call.connector, type: 'http' }],
    needs: { codeSteps: [], variables: [], approval: [] },
    expects: expectedFields([...(mapping?.reads ?? []), ...templates.reads]),
    summary:
      call === undefined
        ? 'echo: the mapped record is the result'
        : `${call.method} ${call.connector} ${call.endpoint}`,
    run(attempt) {
      if (call !== undefined) return runCall(call, attempt);
      return mapping === undefined ? attempt.payload : mapping.apply({ record: attempt.payload });
    },
    trace: (attempt, write) => traceMapping(call, mapping, attempt, write),
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
