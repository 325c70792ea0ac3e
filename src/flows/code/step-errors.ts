import { parseDuration } from '../../domain/duration.ts';

export interface TransientOptions extends ErrorOptions {
  /** The earliest time for the next attempt, from now: `30s`, or seconds. */
  readonly retryAfter?: string | number;
}

/** Throw it for trouble that may pass: the record is tried again, as `retry` of the flow says. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
  readonly retryable = true;
  readonly retryAfterMs: number | undefined;

  constructor(message?: string, options: TransientOptions = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfter === undefined ? undefined : parseDuration(options.retryAfter);
  }
}

/** Throw it for trouble that will be the same next time. Every error without `retryable: true` is taken so. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
  readonly retryable = false;
}
