import { randomUUID } from 'node:crypto';
import type { ConnectorRegistry } from '../connectors/registry.ts';
import { type Failure, RecordFailure } from '../domain/failure.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { tracedResult } from '../flows/chunk-result.ts';
import type { Attempt, Flow, FlowTrace, RunContext } from '../flows/flow.ts';
import { noRedaction, type Redaction, redactionOf } from '../flows/redaction.ts';
import type { StateStore } from '../flows/state.ts';
import { codeStepsObstacle, obstacleOf, type Permissions } from './obstacles.ts';

export interface TrialOptions {
  readonly openConnectors: () => Promise<ConnectorRegistry>;
  readonly permissions: Permissions;
  readonly glob: RunContext['glob'];
}

export interface TrialOf {
  readonly sample: JsonValue;
  readonly params: JsonObject;
  /** Steps that change something outside are run as well. */
  readonly write: boolean;
  readonly signal: AbortSignal;
}

/**
 * Takes one record through a flow, outside of any job, and shows what each step gets and gives. Needs no
 * database: what the flow keeps is forgotten afterwards.
 *
 * @throws SluiceError when the flow cannot be tried in this process.
 */
export type TryFlow = (flow: Flow, trial: TrialOf) => Promise<FlowTrace>;

export function openTrials({ openConnectors, permissions, glob }: TrialOptions): TryFlow {
  return async (flow, trial) => {
    const registry = await openConnectors();
    const obstacle = obstacleOf({ ...flow, connectors: [] }, registry, {
      ...permissions,
      // Such a step fails by itself, and those before it can be seen.
      allowCodeSteps: true,
    });
    if (obstacle !== null) throw new SluiceError('invalid_input', obstacle);
    const connectors = forTrial(registry, codeStepsObstacle(flow, permissions.allowCodeSteps));
    const { sample } = trial;
    const attempt = {
      ...attemptAt(flow, trial, { connectors, glob }),
      payload: flow.chunk === undefined ? sample : [sample],
    };
    const refused = flow.checkInput?.(sample, false);
    if (refused !== undefined) return redacted(refusal(sample, refused), redactionOf(flow.redact), sample);
    if (flow.trace !== undefined) {
      return redacted(await flow.trace(attempt, trial.write), redactionOf(flow.redact), attempt.payload);
    }
    if (!trial.write) {
      throw new SluiceError(
        'invalid_input',
        `The flow ${flow.name} runs as a whole, and nobody can tell what it would change. --run runs it for real.`,
      );
    }
    return redacted(await whole(flow, attempt), redactionOf(flow.redact), attempt.payload);
  };
}

/** A record that the flow does not take goes no further than that. */
function refusal(sample: JsonValue, failure: Failure): FlowTrace {
  const step = { step: 'input', kind: 'input', input: sample, output: null, error: failure.message };
  return { steps: [{ ...step, status: 'failed' }], result: undefined, failure };
}

/** What a record went through, without the fields of it that may not be seen. */
function redacted(trace: FlowTrace, redaction: Redaction, payload: JsonValue): FlowTrace {
  if (redaction === noRedaction) return trace;
  return {
    steps: trace.steps.map((step) => ({
      ...step,
      input: redaction.within(step.input, payload),
      output: redaction.within(step.output, payload),
      error: step.error && redaction.text(step.error, payload),
    })),
    result: trace.result === undefined ? undefined : redaction.within(trace.result, payload),
    failure: trace.failure && redaction.failure(trace.failure, payload),
  };
}

/** An attempt outside of any job; what it keeps is forgotten with it. */
export function attemptAt(
  flow: Flow,
  { params, signal }: Pick<TrialOf, 'params' | 'signal'>,
  means: Pick<RunContext, 'connectors' | 'glob'>,
): Omit<Attempt, 'payload'> {
  const stores = new Map<number | null, StateStore>();
  return {
    ...means,
    // Another one each time, so that a target never takes it for a repeated call.
    batchJobId: randomUUID(),
    params,
    signal,
    state(index) {
      const store = stores.get(index) ?? forgetful();
      stores.set(index, store);
      return store;
    },
    log() {},
    total: 1,
    index: 0,
    id: null,
    revision: 0,
    ...(flow.chunk === undefined ? {} : { indexes: [0] }),
  };
}

async function whole(flow: Flow, attempt: Attempt): Promise<FlowTrace> {
  const step = { step: flow.name, kind: flow.kind, input: attempt.payload };
  try {
    const made = await flow.run(attempt);
    const { result, failure } = tracedResult(made);
    const status = failure === undefined ? ('done' as const) : ('failed' as const);
    const output = result ?? null;
    return { steps: [{ ...step, status, output, error: failure?.message }], result, failure };
  } catch (error) {
    if (!(error instanceof RecordFailure)) throw error;
    const { failure } = error;
    const broken = { ...step, status: 'failed' as const, output: null, error: failure.message };
    return { steps: [broken], result: undefined, failure };
  }
}

/** A step can be shown although its connector is not ready; only its call fails. */
export function forTrial(registry: ConnectorRegistry, noPrograms: string | null): ConnectorRegistry {
  const ready = <T>(open: () => T, otherwise: (call: () => never) => T): T => {
    try {
      return open();
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      const { message } = error;
      return otherwise(() => refuse('connector_invalid', message));
    }
  };
  const run = async () => refuse('code_steps_not_allowed', noPrograms ?? '');
  return {
    listings: registry.listings,
    http: (name) =>
      ready(
        () => registry.http(name),
        (call) => ({ name, call: async () => call() }),
      ),
    httpAt: (origin) => registry.httpAt(origin),
    filesOver: (url) => registry.filesOver(url),
    sql: (name) =>
      ready(
        () => registry.sql(name),
        (call) => ({ name, run: async () => call(), transact: async () => call() }),
      ),
    mcp: (name) =>
      ready(
        () => registry.mcp(name),
        (call) => ({ name, call: async () => call() }),
      ),
    webhook: (name) => registry.webhook(name),
    circuit: (name) => registry.circuit(name),
    throttles: (names) => registry.throttles(names),
    leavesLostAnswers: (name) => registry.leavesLostAnswers(name),
    windowMs: (name) => registry.windowMs(name),
    setShare: (name, share) => registry.setShare(name, share),
    usedRate: (name) => registry.usedRate(name),
    rememberCalls: (name, used) => registry.rememberCalls(name, used),
    callPlan: (name) => registry.callPlan(name),
    programs: noPrograms === null ? registry.programs : { run, python: run, close: async () => {} },
    variable: (name) => registry.variable(name),
    obstacle: (name, type) => registry.obstacle(name, type),
    close: () => registry.close(),
  };
}

function refuse(code: string, message: string): never {
  throw new RecordFailure({ class: 'data', code, message });
}

function forgetful(): StateStore {
  const values = new Map<string, JsonValue>();
  return {
    get: async (key) => values.get(key),
    async set(key, value) {
      values.set(key, value);
    },
    async incr(key, by) {
      const sum = Number(values.get(key) ?? 0) + by;
      values.set(key, sum);
      return sum;
    },
  };
}
