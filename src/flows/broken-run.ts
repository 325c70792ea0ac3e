import { type Failure, RecordFailure } from '../domain/failure.ts';
import type { Progress } from '../domain/progress.ts';
import type { RetryPolicy } from '../domain/retry-policy.ts';

/** The retry policy of a step of its own, and how often the step has failed before. */
export interface StepRetry {
  readonly policy: RetryPolicy;
  readonly tries: number;
}

/** A run that broke and leaves something for the next attempt. */
export class BrokenRun extends RecordFailure {
  /** What the next attempt need not do again. */
  readonly progress: Progress | undefined;
  /** Decides about the next attempt instead of the flow's policy. */
  readonly again: StepRetry | undefined;

  constructor(failure: Failure, progress: Progress | undefined, again?: StepRetry) {
    super(failure);
    this.progress = progress;
    this.again = again;
  }

  /** There is an attempt left, which is the engine's to make. */
  get isOpen(): boolean {
    return this.again !== undefined && this.again.tries < this.again.policy.retries;
  }
}
