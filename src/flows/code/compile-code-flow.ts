import type { BatchDefaults, ExpectedField, Flow } from '../flow.ts';
import { stepsDigest } from '../flow-digest.ts';
import { flowEnvironment } from '../flow-environment.ts';
import { flowIdOf, revisionOf } from '../flow-identity.ts';
import { parametersOf } from '../parameters.ts';
import { defaultRetry } from '../retry-grammar.ts';
import type { Chain, Node } from './chain.ts';
import type { FlowDefinition } from './define-flow.ts';
import type { CheckedSettings, InputSchema } from './flow-settings.ts';
import { inputCheckOf } from './input-check.ts';
import { runAtEnd, runOverRecord } from './run-code-flow.ts';

/** Makes a flow of what a module has defined. `text` is that of the module. */
export function codeFlow(definition: FlowDefinition, text: string): Flow {
  const { settings, chain } = definition;
  const { size } = settings;
  const { name, description } = namesOf(settings);
  const variables = settings.env ?? [];
  const code = { definition, text, environment: flowEnvironment(variables) };
  return {
    flowId: flowIdOf(name),
    name,
    version: settings.version ?? null,
    revision: revisionOf(text),
    description,
    text,
    kind: 'code',
    hasEffects: settings.effects ?? true,
    ...failureRules(settings),
    batch: batchDefaults(settings),
    redact: settings.redact,
    confirm: settings.confirm,
    chunk: size === undefined ? undefined : { size, onError: settings.on_chunk_error ?? 'fail' },
    parameters: parametersOf(settings.params),
    connectors: (settings.connectors ?? []).map((connector) => ({ name: connector, type: 'http' })),
    needs: { codeSteps: [], variables, approval: ['is a module, whose code runs inside Sluice'] },
    expects: expectedFields(settings.input),
    checkInput: inputCheckOf(settings.input, text),
    summary: summaryOf(chain),
    run: (attempt) => runOverRecord(code, attempt),
    digest: (payload, params) => stepsDigest(revisionOf(text), payload, params),
    trace: undefined,
    atEnd: settings.finally === undefined ? undefined : (ending) => runAtEnd(code, ending),
  };
}

/** The line that people read may stand in place of the name, or beside it. */
function namesOf({ id, name = '', description }: CheckedSettings) {
  const line = id === undefined || name === '' || name === id ? null : name;
  return { name: id ?? name, description: description ?? line };
}

function failureRules({ retry, on_error: rules }: CheckedSettings): Pick<Flow, 'retry' | 'afterFailure'> {
  if (typeof rules !== 'object') return { retry: retry ?? defaultRetry, afterFailure: rules ?? 'log' };
  return { retry: retry ?? rules.retry ?? defaultRetry, afterFailure: rules.then ?? 'log' };
}

function batchDefaults({ concurrency, idField }: CheckedSettings): BatchDefaults {
  return {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(idField === undefined ? {} : { idField }),
  };
}

/** Of a zod object: its fields. Other schemas do not tell. */
function expectedFields(schema: (InputSchema & { shape?: unknown }) | undefined): ExpectedField[] {
  const shape = schema?.shape;
  if (typeof shape !== 'object' || shape === null) return [];
  return Object.entries(shape).map(([path, field]: [string, unknown]) => ({
    path,
    required: !takesNothing(field),
  }));
}

function takesNothing(field: unknown): boolean {
  const { safeParse } = field as Partial<InputSchema>;
  try {
    return safeParse?.call(field, undefined).success === true;
  } catch {
    // A field with an asynchronous check cannot be asked.
    return false;
  }
}

const mostShown = 6;

/** `code: fetch-users → process-users (in batches of 100)` */
function summaryOf({ nodes }: Chain): string {
  const shown = nodes.slice(0, mostShown).map(nodeSummary);
  const more = nodes.length > mostShown ? [`${nodes.length - mostShown} more`] : [];
  return `code: ${[...shown, ...more].join(' → ')}`;
}

function nodeSummary(node: Node): string {
  if (node.kind === 'choice') return `if ${node.name}`;
  if (node.kind === 'parallel') return `${node.name} (${node.parts.length} at once)`;
  if (node.kind !== 'loop') return node.name;
  return node.size === undefined
    ? `${node.name} (for each item)`
    : `${node.name} (in batches of ${node.size})`;
}
