import { watchAbort } from '../connectors/abort-watch.ts';
import { RecordFailure } from '../domain/failure.ts';
import { type RetryPolicy, retryDelayMs } from '../domain/retry-policy.ts';
import { abortReason } from './abort-reason.ts';

/** Inside a loop nobody waits longer than this in place, in milliseconds. */
const longestWaitMs = 60_000;

/**
 * Repeats what fails for a transient reason, waiting in place: for steps inside a loop, whose waits are no
 * rows of the database.
 */
export async function patiently<T>(
  policy: RetryPolicy,
  signal: AbortSignal,
  run: () => T | Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run();
    } catch (error) {
      if (signal.aborted) throw abortReason(signal, error);
      if (!mayPass(error) || tries > policy.retries) throw error;
      const wait = Math.min(retryDelayMs(policy, tries, Math.random()), longestWaitMs);
      await pause(Math.max(wait, error.failure.retryAfterMs ?? 0), signal);
    }
  }
}

/** A target that asks for more time than a loop can wait is left alone: then the whole record waits. */
function mayPass(error: unknown): error is RecordFailure {
  if (!(error instanceof RecordFailure) || error.failure.class !== 'transient') return false;
  return (error.failure.retryAfterMs ?? 0) <= longestWaitMs;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const unwatch = watchAbort(signal, () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
    const timer = setTimeout(() => {
      unwatch();
      resolve();
    }, ms);
  });
}
