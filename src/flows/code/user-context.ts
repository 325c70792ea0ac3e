import { foreignText } from '../../connectors/foreign-text.ts';
import { scrubber } from '../../connectors/secret.ts';
import { isJsonObject } from '../../domain/json.ts';
import type { Ending } from '../flow.ts';
import type { Site } from './code-run.ts';
import { callConnector } from './connector-call.ts';
import type { Context, FlowEnding, Surroundings } from './flow-context.ts';
import { flowState } from './flow-state.ts';
import type { Frame } from './frame.ts';
import { ownFailure } from './step-failure.ts';

/** What one run of one function sees besides the record. */
export function surroundings(site: Site, path: string, signal: AbortSignal): Surroundings {
  let calls = 0;
  return {
    params: site.context.params,
    signal,
    env: (name) => variableOf(site, name, path),
    log: logOf(site),
    fetch: async (connector, target, request) =>
      callConnector(site, { path, call: calls++, signal }, connector, target, request),
  };
}

/** What a function of a flow sees. */
export function recordContext(
  frame: Frame,
  path: string,
  signal: AbortSignal,
): Context<unknown, unknown, unknown> {
  const { run } = frame;
  const { context, payload } = run;
  const { batchJobId, index, id, total } = context;
  return {
    ...surroundings(run, path, signal),
    payload,
    items: context.indexes === undefined || !Array.isArray(payload) ? [payload] : payload,
    indexes: context.indexes ?? [index],
    index,
    id,
    steps: frame.steps.view,
    last: frame.last,
    state: flowState(() => context.state(index)),
    batch: { id: batchJobId, index, total, state: flowState(() => context.state(null)) },
  };
}

/** What `finally` sees. */
export function endingContext(site: Site & { readonly context: Ending }, path: string): FlowEnding {
  const { context } = site;
  const { batchJobId, status, counts, wave, signal } = context;
  const state = flowState(() => context.state(null));
  return {
    ...surroundings(site, path, signal),
    status,
    counts,
    wave,
    state,
    batch: { id: batchJobId, state },
    results: () => context.results(),
  };
}

/** What the inner flow of a loop shows while its steps run, apart from the calls that build it. */
export function roundView(frame: Frame): PropertyDescriptorMap {
  const { context, payload } = frame.run;
  const fixed = {
    payload,
    steps: frame.steps.view,
    state: flowState(() => context.state(context.index)),
    params: context.params,
    signal: context.signal,
    log: logOf(frame.run),
  };
  return {
    last: { get: () => frame.last },
    ...Object.fromEntries(Object.entries(fixed).map(([name, value]) => [name, { value }])),
  };
}

function logOf({ context, environment }: Site): (message: string) => void {
  return (message) => {
    const line = foreignText(scrubber(environment.secrets)(String(message)));
    if (line !== undefined) context.log(line);
  };
}

function variableOf({ variables, environment }: Site, name: string, path: string): string {
  if (!variables.has(name)) {
    throw ownFailure(
      'variable_not_listed',
      'the flow reads a variable without naming it; add it to env: [...] of defineFlow',
      path,
    );
  }
  const { values } = environment;
  const value = isJsonObject(values) && Object.hasOwn(values, name) ? values[name] : undefined;
  if (typeof value === 'string') return value;
  throw ownFailure('variable_missing', `the environment variable ${name} is not set`, path);
}
