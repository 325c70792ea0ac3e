import type { FileProblem } from '../connectors/file-problem.ts';
import type { YamlFile } from '../connectors/yaml-file.ts';
import { isJsonObject } from '../domain/json.ts';
import type { AnswerCheck } from './answer-check.ts';
import { compileTargetTemplates, queryClashes, type TargetTemplates } from './call-target.ts';
import { compileAnswerCheck } from './compile-answer-check.ts';
import type { Flow } from './flow.ts';
import { echoTarget, type FlowFile, type UndoCallFile } from './flow-file.ts';
import { compileMappingBlock, type Mapping, type MappingProblem } from './mapping.ts';
import { type MappedCall, runCall } from './mapping-run.ts';
import { rehearseMapping, traceMapping } from './mapping-trace.ts';
import { type Names, recordNames, withNames } from './names.ts';
import type { Lookups } from './pipe-arguments.ts';
import { undoFlow } from './undo-flow.ts';

/** The texts of a call that takes a record back, compiled. */
export interface UndoCallParts {
  readonly mapping: Mapping | undefined;
  readonly templates: TargetTemplates;
  readonly check: AnswerCheck | undefined;
  readonly problems: readonly MappingProblem[];
}

/** Compiles what can be compiled of an `undo` call. `kept`: the keys of a record's result, where they are known. */
export function compileUndoCall(
  block: unknown,
  lookups: Lookups,
  kept: readonly string[] | undefined,
): UndoCallParts {
  const names = undoNames(recordNames, kept);
  const { templates, problems } = compileTargetTemplates(block, lookups, { key: 'undo', names });
  const checked = compileAnswerCheck(block, { key: 'undo', names });
  const mapping = isJsonObject(block) ? block.mapping : undefined;
  const mapped = compileMappingBlock(mapping, 'mapping', { lookups, names });
  return {
    mapping: mapped.mapping,
    templates,
    check: checked.check,
    problems: [
      ...problems,
      ...checked.problems,
      ...queryClashes({ key: 'undo', method: 'DELETE' }, block, mapping),
      ...mapped.problems.map(({ path, ...rest }) => ({ ...rest, path: ['undo', ...path] })),
    ],
  };
}

/** Names of an `undo`: what the flow sees, and what the record has come to. */
export function undoNames(names: Names, kept: readonly string[] | undefined): Names {
  const { roots, members } = withNames(names, ['result']);
  return { roots, members: kept === undefined ? members : new Map([...members, ['result', kept]]) };
}

/** Keys of the results of a mapping flow; undefined: they depend on the record. */
export function keptKeysOf({
  target,
  result,
}: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  if (isJsonObject(result)) return Object.keys(result).map((key) => key.split('.', 1)[0] ?? key);
  return connectorOf(target) === undefined ? undefined : ['status', 'body'];
}

/** The connector of a `target` block; undefined when it calls nothing. */
function connectorOf(target: unknown): string | undefined {
  const connector = isJsonObject(target) ? target.connector : undefined;
  return typeof connector === 'string' && connector !== echoTarget ? connector : undefined;
}

/** What does not go together in a file whose parts are all right. */
export function undoMistakes(yaml: YamlFile, { target, result, undo }: FlowFile): FileProblem[] {
  const connector = connectorOf(target);
  const advice = 'name a connector from connectors.yaml';
  return [
    ...(result !== undefined && connector === undefined
      ? [
          yaml.problem(
            { path: ['result'], key: true },
            'result keeps parts of an answer, and the target is echo, which gives none',
          ),
        ]
      : []),
    ...(connector === undefined && isJsonObject(target) && target.success_when !== undefined
      ? [
          yaml.problem(
            { path: ['target', 'success_when'], key: true },
            'target.success_when looks at an answer, and the target is echo, which gives none',
          ),
        ]
      : []),
    ...(undo !== undefined && (undo.connector ?? connector) === undefined
      ? [yaml.problem({ path: ['undo'], key: true }, 'undo.connector is missing', advice)]
      : []),
    ...(undo?.connector === echoTarget
      ? [yaml.problem({ path: ['undo', 'connector'] }, 'undo.connector: echo takes nothing back', advice)]
      : []),
  ];
}

/** The flow that takes records of another one back with one call each. */
export function undoByCall(
  flow: Flow,
  file: UndoCallFile,
  target: FlowFile['target'] | undefined,
  parts: UndoCallParts,
): Flow {
  const call = callOf(file, file.connector ?? connectorOf(target) ?? echoTarget, parts);
  return undoFlow(flow, {
    kind: 'mapping',
    retry: file.on_error?.retry,
    afterFailure: file.on_error?.then,
    connectors: [{ name: call.connector, type: 'http' }],
    summary: `${call.method} ${call.connector} ${call.endpoint}`,
    run: (attempt) => runCall(call, attempt),
    trace: (attempt, write) => traceMapping(call, undefined, attempt, write),
    rehearse: (attempt) => rehearseMapping(call, undefined, attempt),
  });
}

function callOf(
  { method = 'DELETE', endpoint, timeout, gone }: UndoCallFile,
  connector: string,
  { mapping, templates, check }: UndoCallParts,
): MappedCall {
  return {
    step: 'undo',
    connector,
    method,
    endpoint,
    templates,
    timeoutMs: timeout,
    mapping,
    check,
    keeps: undefined,
    hasUndo: false,
    gone: gone ?? (method === 'DELETE' ? [404, 410] : []),
  };
}
