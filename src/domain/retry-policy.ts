/** When a record that failed for a transient reason is tried again inside its wave. */
export interface RetryPolicy {
  /** Retries after the first attempt; 0 means none. */
  readonly retries: number;
  readonly backoff: 'fixed' | 'linear' | 'exponential';
  /** Wait before the first retry, in milliseconds. */
  readonly delayMs: number;
  /** No wait is longer than this, in milliseconds. */
  readonly maxDelayMs: number;
  /** Spreads each wait evenly over half to one and a half of its length, but not beyond the longest. */
  readonly jitter: boolean;
}

export const noRetry: RetryPolicy = {
  retries: 0,
  backoff: 'fixed',
  delayMs: 0,
  maxDelayMs: 0,
  jitter: false,
};

/**
 * The wait before retry number `retry` (the first is 1), in milliseconds.
 *
 * `chance` is a number in [0, 1); it matters only with jitter.
 */
export function retryDelayMs(policy: RetryPolicy, retry: number, chance: number): number {
  const factor = { fixed: 1, linear: retry, exponential: 2 ** (retry - 1) }[policy.backoff];
  const wait = policy.delayMs * factor;
  const spread = policy.jitter ? Math.min(wait, policy.maxDelayMs) * (0.5 + chance) : wait;
  return Math.round(Math.min(spread, policy.maxDelayMs));
}
