import { RecordFailure } from '../domain/failure.ts';

/**
 * The failure that stands for all of what failed at once: first what no retry can help, since a retry would repeat
 * that as well. Calls of any of them may have been carried out, and all have to be left alone for the longest time.
 */
export function worstFailure(errors: readonly RecordFailure[]): RecordFailure | undefined {
  const worst = errors.find(({ failure }) => failure.class !== 'transient') ?? errors[0];
  if (worst === undefined || errors.length === 1) return worst;
  const { failure } = worst;
  const longest = Math.max(...errors.map((error) => error.failure.retryAfterMs ?? 0));
  const whole = new RecordFailure({
    ...failure,
    ...(failure.class === 'transient' && longest > 0 ? { retryAfterMs: longest } : {}),
    ...(errors.some((error) => error.failure.maybeApplied === true) ? { maybeApplied: true } : {}),
  });
  whole.cause = worst.cause ?? worst;
  return whole;
}
