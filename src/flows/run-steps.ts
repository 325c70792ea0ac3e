import { type Failure, RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { StepOutcome } from '../domain/progress.ts';
import { abortReason } from './abort-reason.ts';
import { BrokenRun } from './broken-run.ts';
import { runLoop } from './loop.ts';
import { type CompiledStep, innerScope, type OwnRetry, type StepFrame, type StepList } from './step-frame.ts';
import { patiently } from './step-retries.ts';
import { withinTime } from './step-time.ts';
import type { StepCall } from './steps/step-kind.ts';
import { worstFailure } from './worst-failure.ts';

type MaybePromise<T> = T | Promise<T>;

/**
 * Runs steps one after the other; the result is that of the last one that ran. Without anything to wait for
 * it is not asynchronous, which is most of the speed of flows that only transform.
 *
 * @throws BrokenRun, or RecordFailure inside a loop; the reason of a signal that is aborted
 */
export function runSteps(
  steps: StepList,
  frame: StepFrame,
  from = 0,
  last: JsonValue = null,
): MaybePromise<JsonValue> {
  let result = last;
  for (let at = from; at < steps.length; at++) {
    const step = steps[at];
    if (step === undefined) break;
    if (frame.signal.aborted) throw frame.signal.reason;
    const outcome = runStep(step, frame);
    if (outcome instanceof Promise) {
      return outcome.then((settled) => runSteps(steps, frame, at + 1, note(step, frame, settled, result)));
    }
    result = note(step, frame, outcome, result);
  }
  return result;
}

/** Puts an outcome where later steps find it; returns the result of the steps so far. */
function note(step: CompiledStep, { scope }: StepFrame, outcome: StepOutcome, before: JsonValue): JsonValue {
  const { status, result, error = null } = outcome;
  (scope.steps as Record<string, JsonValue>)[step.name] = { result, status, error };
  if (step.output !== undefined) (scope as Record<string, JsonValue>)[step.output] = result;
  return status === 'skipped' ? before : result;
}

function runStep(step: CompiledStep, frame: StepFrame): MaybePromise<StepOutcome> {
  const path = frame.prefix + step.name;
  if (step.when !== undefined) {
    try {
      if (!step.when.holds(frame.scope)) {
        frame.tracer?.skipped(path, step.kind);
        return { status: 'skipped', result: null };
      }
    } catch (error) {
      return recovered(step, path, frame, error);
    }
  }
  const known = frame.ledger.outcomeOf(path, isRepeatable(step));
  if (known !== undefined) return known;
  const outcome =
    step.loop === undefined ? attempted(step, path, frame) : runForEach(step, step.loop, path, frame);
  if (step.checkpoint && step.loop === undefined) return keep(step, path, outcome, frame);
  if (!(outcome instanceof Promise)) return passed(path, outcome, frame);
  return outcome.then((settled) => passed(path, settled, frame));
}

function passed(path: string, outcome: StepOutcome, { ledger, inLoop }: StepFrame): StepOutcome {
  if (!inLoop) ledger.pass(path, outcome);
  return outcome;
}

/**
 * It changes nothing outside, so that it can be done again when the record has been patched. Nor does one with steps
 * inside: what those have done is kept by itself.
 */
const isRepeatable = ({ body }: CompiledStep): boolean => !body.hasEffects;

async function keep(
  step: CompiledStep,
  path: string,
  outcome: MaybePromise<StepOutcome>,
  frame: StepFrame,
): Promise<StepOutcome> {
  const settled = await outcome;
  if (settled.status === 'done') {
    const { ledger, within } = frame;
    await ledger.keep(path, settled.result, { isRepeatable: isRepeatable(step), within });
  }
  return passed(path, settled, frame);
}

/** A step of a loop or of the flow itself, with what its `on_error` says. */
function attempted(step: CompiledStep, path: string, frame: StepFrame): MaybePromise<StepOutcome> {
  try {
    const result =
      frame.inLoop && step.retry !== undefined
        ? patiently(step.retry, frame.signal, () => runBody(step, path, frame))
        : runBody(step, path, frame);
    if (!(result instanceof Promise)) return { status: 'done', result };
    return result.then(
      (value): StepOutcome => ({ status: 'done', result: value }),
      (error: unknown) => recovered(step, path, frame, error),
    );
  } catch (error) {
    return recovered(step, path, frame, error);
  }
}

function runBody(step: CompiledStep, path: string, frame: StepFrame): MaybePromise<JsonValue> {
  if (step.timeoutMs !== undefined && step.body.keepsTime !== true)
    return withinTime(step.timeoutMs, path, step.body.hasEffects, frame.signal, run);
  return run(frame.signal);

  function run(signal: AbortSignal): MaybePromise<JsonValue> {
    const retry = retryOf(step, path, frame);
    const call: StepCall = {
      scope: frame.scope,
      step: path,
      idempotencyKey: frame.keyOf(path),
      timeoutMs: step.timeoutMs,
      signal,
      frame: signal === frame.signal && retry === frame.retry ? frame : { ...frame, signal, retry },
    };
    return frame.tracer === undefined ? step.body.run(call) : frame.tracer.run(step, call);
  }
}

/** Whose retries a failure of a step uses up; undefined: the flow's. */
function retryOf(step: CompiledStep, path: string, frame: StepFrame): OwnRetry | undefined {
  return step.retry === undefined ? frame.retry : { policy: step.retry, path };
}

/**
 * Decides what follows from a failure: another attempt, which is the engine's to make, or what `on_error`
 * says. Everything that is no failure of the record passes through.
 */
function recovered(
  step: CompiledStep,
  path: string,
  frame: StepFrame,
  error: unknown,
): MaybePromise<StepOutcome> {
  if (frame.signal.aborted) throw abortReason(frame.signal, error);
  if (!(error instanceof RecordFailure) || (error instanceof BrokenRun && error.isOpen)) throw error;
  const failure = { ...error.failure, step: error.failure.step ?? path };
  const { onError } = step;
  if (!frame.inLoop && !(error instanceof BrokenRun)) {
    const again = frame.ledger.anotherTry(retryOf(step, path, frame), failure);
    if (again !== undefined && (onError === 'fail' || again.isOpen)) throw again;
  }
  if (onError === 'fail') throw ended(error, failure, frame);
  frame.ledger.dealtWith(path, failure);
  if (onError === 'skip') return { status: 'skipped', result: null, error: failure.message };
  if (onError === 'continue') return { status: 'failed', result: null, error: failure.message };
  return handled(onError, path, frame, failure);
}

function ended(error: RecordFailure, failure: Failure, { inLoop, ledger }: StepFrame): RecordFailure {
  if (inLoop) return new RecordFailure(failure);
  return error instanceof BrokenRun ? error : ledger.broken(failure);
}

/** Runs the step that `on_error` names, with `error` in sight. */
async function handled(
  steps: StepList,
  path: string,
  frame: StepFrame,
  failure: Failure,
): Promise<StepOutcome> {
  const scope = { ...innerScope(frame.scope), ...errorNames(failure) };
  const result = await runSteps(steps, { ...frame, scope, prefix: `${path}.on_error.`, inLoop: true });
  return { status: 'failed', result, error: failure.message };
}

/** `error` as a text, and its parts as `failure`. */
export function errorNames(failure: Failure): { error: string; failure: JsonValue } {
  const said = failure.untrustedMessage;
  return {
    error: said === undefined ? failure.message : `${failure.message}: ${said}`,
    failure: {
      class: failure.class,
      code: failure.code,
      message: failure.message,
      ...(said === undefined ? {} : { untrusted_message: said }),
    },
  };
}

async function runForEach(
  step: CompiledStep,
  { items, maxParallel }: NonNullable<CompiledStep['loop']>,
  path: string,
  frame: StepFrame,
): Promise<StepOutcome> {
  let list: readonly JsonValue[];
  try {
    list = await items.list(frame.scope, frame);
  } catch (error) {
    return recovered(step, path, frame, error);
  }
  frame.ledger.begin(path, list);
  const once: CompiledStep = { ...step, loop: undefined, when: undefined };
  const run = async (item: JsonValue, index: number): Promise<StepOutcome> => {
    const scope = { ...innerScope(frame.scope), item, index };
    const name = `${step.name}[${index}]`;
    const within = { place: `${path}[${index}]`, item, outer: frame.within };
    return runStep({ ...once, name }, { ...frame, scope, inLoop: true, within });
  };
  const rules = { maxParallel, stopAtFailure: true, signal: frame.signal };
  const { results, failures } = await runLoop(list, rules, run);
  const failure = worstFailure(failures.map(({ error }) => error));
  if (failure === undefined) {
    const kept = results.flatMap((outcome) =>
      outcome === undefined || outcome.status === 'skipped' ? [] : [outcome.result],
    );
    return { status: 'done', result: kept };
  }
  // Each item has had its retries and its on_error.
  return recovered({ ...step, onError: 'fail', retry: undefined }, path, frame, failure);
}
