import type { Secret } from '../connectors/secret.ts';
import type { JsonValue } from '../domain/json.ts';
import type { RetryPolicy } from '../domain/retry-policy.ts';
import type { Condition } from './condition.ts';
import type { Ending, RunContext } from './flow.ts';
import type { LoopItem } from './kept-items.ts';
import type { Scope } from './names.ts';
import type { StepLedger } from './step-ledger.ts';
import type { StepTracer } from './step-tracer.ts';
import type { LoopItems, StepBody } from './steps/step-kind.ts';

/** A step with everything its file says about it. */
export interface CompiledStep {
  readonly name: string;
  /** Name of its kind. */
  readonly kind: string;
  readonly body: StepBody;
  /** A further name of the result, from `outputs`. */
  readonly output: string | undefined;
  readonly when: Condition | undefined;
  readonly timeoutMs: number | undefined;
  /** undefined: that of the step around it, or the flow's. */
  readonly retry: RetryPolicy | undefined;
  readonly onError: 'fail' | 'continue' | 'skip' | StepList;
  readonly loop: { readonly items: LoopItems; readonly maxParallel: number } | undefined;
  readonly checkpoint: boolean;
}

/** Steps in the order they run in. */
export type StepList = readonly CompiledStep[];

/** The retries of a step, counted under its path. */
export interface OwnRetry {
  readonly policy: RetryPolicy;
  readonly path: string;
}

/** Where steps run: what they see, and what is kept of them. */
export interface StepFrame {
  readonly context: RunContext;
  /** Set for the steps of `finally`. */
  readonly ending?: Ending;
  readonly scope: Scope;
  /** Stands before the names of the steps in their paths: empty, or `notify[3].`. */
  readonly prefix: string;
  /** The idempotency key of a call, by the path of its step. */
  readonly keyOf: (step: string) => string;
  readonly ledger: StepLedger;
  /** Inside a loop a retry of a step waits in place; else the whole record waits. */
  readonly inLoop: boolean;
  /** The item that the steps are for. */
  readonly within?: LoopItem;
  /** The retries of the step around, which its steps have without their own. */
  readonly retry?: OwnRetry | undefined;
  /** What environment variables hold, masked wherever an answer repeats it. */
  readonly secrets: readonly Secret[];
  /** Set when a person looks on. */
  readonly tracer?: StepTracer;
  readonly signal: AbortSignal;
}

/** A scope whose steps are added to those around it, without being seen there. */
export function innerScope(scope: Scope): Record<string, JsonValue> {
  return { ...scope, steps: { ...(scope.steps as Record<string, JsonValue>) } };
}
