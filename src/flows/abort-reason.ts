import { RecordFailure } from '../domain/failure.ts';

/**
 * What an aborted run ends with: the signal's reason, since failures may come of the abort. A lost answer that is not
 * to be asked for again remains one, or the call would be repeated.
 */
export const abortReason = (signal: AbortSignal, error: unknown): unknown =>
  error instanceof RecordFailure && error.failure.class === 'interrupted' ? error : signal.reason;
