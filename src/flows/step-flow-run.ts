import type { HttpRequest } from '../connectors/http.ts';
import type { ConnectorRegistry } from '../connectors/registry.ts';
import { RecordFailure } from '../domain/failure.ts';
import { idempotencyKey } from '../domain/idempotency.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { noRetry, type RetryPolicy } from '../domain/retry-policy.ts';
import { BrokenRun } from './broken-run.ts';
import { membersMark } from './chunk-members.ts';
import { tracedResult } from './chunk-result.ts';
import { type FailedItems, sharesOf } from './failed-items.ts';
import type { Attempt, Ending, FlowResult, FlowTrace, PlannedCall } from './flow.ts';
import type { FlowEnvironment } from './flow-environment.ts';
import type { Scope } from './names.ts';
import { runSteps } from './run-steps.ts';
import type { StepFrame, StepList } from './step-frame.ts';
import { StepLedger } from './step-ledger.ts';
import { untilAborted } from './step-time.ts';
import { type Runs, StepTracer } from './step-tracer.ts';

/** Makes the result of a record from what its steps came to. */
export type Output = (scope: Scope) => JsonValue;

interface RecordSteps {
  readonly steps: StepList;
  readonly output: Output | undefined;
  readonly failedItems?: FailedItems | undefined;
  readonly retry: RetryPolicy;
  readonly environment: (connectors: ConnectorRegistry) => FlowEnvironment;
  /** The payload is `{index, record, result}`: a record that is taken back. */
  readonly takesBack?: boolean;
}

/** Takes one record through the steps in sight of a person. */
export async function traceFlowSteps(flow: RecordSteps, attempt: Attempt, runs: Runs): Promise<FlowTrace> {
  const tracer = new StepTracer(runs);
  const { scrubbed } = flow.environment(attempt.connectors);
  const seen = () =>
    tracer.entries.map((step) => ({
      ...step,
      input: scrubbed(step.input),
      output: scrubbed(step.output),
      call: step.call && scrubbedCall(step.call, scrubbed),
    }));
  try {
    const result = await runFlowSteps(flow, attempt, tracer);
    return { steps: seen(), ...tracedResult(result) };
  } catch (error) {
    if (!(error instanceof RecordFailure)) throw error;
    return { steps: seen(), result: undefined, failure: error.failure };
  }
}

function scrubbedCall(
  { connector, request }: PlannedCall,
  scrubbed: FlowEnvironment['scrubbed'],
): PlannedCall {
  const { path, query = {}, headers = {}, body } = request;
  const seen = scrubbed({ path, query, headers, ...(body === undefined ? {} : { body }) });
  return { connector, request: { ...request, ...(seen as Pick<HttpRequest, 'path'>) } };
}

/** Takes one record, or one chunk of them, through the steps. */
export function runFlowSteps(
  flow: RecordSteps,
  attempt: Attempt,
  tracer?: StepTracer,
): FlowResult | Promise<FlowResult> {
  const environment = flow.environment(attempt.connectors);
  const scope = flow.takesBack === true ? undoScope(attempt, environment) : scopeOf(attempt, environment);
  const ledger = new StepLedger(flow.retry, {
    before: attempt.progress,
    save: attempt.checkpoint,
    owner: `r${attempt.revision}${membersMark(attempt)}`,
  });
  const frame: StepFrame = {
    context: attempt,
    scope,
    prefix: '',
    keyOf: keysOf(attempt),
    ledger,
    inLoop: false,
    secrets: environment.secrets,
    signal: attempt.signal,
    ...(tracer === undefined ? {} : { tracer }),
  };
  const run = () => {
    const last = runSteps(flow.steps, frame);
    return last instanceof Promise
      ? last.then((result) => endOf(flow, frame, result))
      : endOf(flow, frame, last);
  };
  return environment.masked(() => untilAborted(attempt.signal, run, (error) => left(error, ledger)));
}

/** What the run comes to once its steps have run, the last of them with this result. */
function endOf(
  { output, failedItems }: RecordSteps,
  { scope, tracer }: StepFrame,
  last: JsonValue,
): FlowResult {
  const result = output === undefined ? last : output(scope);
  // Nobody knows what a call would be answered that was only looked at.
  return failedItems === undefined || tracer?.hasWithheld === true
    ? result
    : sharesOf(failedItems, scope, result);
}

/** A failure that no step has dealt with, such as one of `output`, leaves what was kept, too. */
function left(error: unknown, ledger: StepLedger): unknown {
  if (!(error instanceof RecordFailure) || error instanceof BrokenRun) return error;
  return ledger.anotherTry(undefined, error.failure) ?? ledger.broken(error.failure);
}

function scopeOf(attempt: Attempt, { values }: FlowEnvironment): Scope {
  const { payload, indexes, params, batchJobId, index, total } = attempt;
  const batch = { id: batchJobId, index, total };
  if (indexes !== undefined) return { items: payload, indexes, steps: {}, env: values, batch, params };
  return { record: payload, source: payload, item: payload, steps: {}, env: values, batch, params };
}

function undoScope(attempt: Attempt, environment: FlowEnvironment): Scope {
  const { record = null, result = null } = isJsonObject(attempt.payload) ? attempt.payload : {};
  return { ...scopeOf({ ...attempt, payload: record }, environment), result };
}

function keysOf(attempt: Attempt): (step: string) => string {
  const { batchJobId, index, revision } = attempt;
  const mark = membersMark(attempt);
  return (step) => idempotencyKey({ batchJobId, index, step: step + mark, revision });
}

interface EndSteps {
  readonly steps: StepList;
  readonly environment: (connectors: ConnectorRegistry) => FlowEnvironment;
  readonly name: string;
}

/** Runs the `finally` part. Its retries are the engine's. */
export function runEnding(
  { steps, environment, name }: EndSteps,
  ending: Ending,
): JsonValue | Promise<JsonValue> {
  const { batchJobId, wave, status, counts, params } = ending;
  const found = environment(ending.connectors);
  const frame: StepFrame = {
    context: ending,
    ending,
    scope: {
      steps: {},
      env: found.values,
      params,
      counts,
      job: { id: batchJobId, status, wave, flow: name },
    },
    prefix: '',
    keyOf: (step) => `${batchJobId}:finally${wave}:${step}`,
    ledger: new StepLedger(noRetry),
    inLoop: true,
    secrets: found.secrets,
    signal: ending.signal,
  };
  return found.masked(() => untilAborted(ending.signal, () => runSteps(steps, frame)));
}
