import PQueue from 'p-queue';
import type { Rate } from '../domain/rate.ts';
import { watchAbort } from './abort-watch.ts';

/** Runs a call when the connector's limits allow it. Rejects with the signal's reason if it aborts first. */
export type CallLimits = <T>(call: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/** Holds calls to a number at once and to a rate, over everything this process sends through it. */
export function callLimits(concurrency: number | undefined, rate: Rate | undefined): CallLimits {
  // Without a limit a queue would only cost time.
  if (concurrency === undefined && rate === undefined) return (call) => call();

  const queue = new PQueue({
    ...(concurrency === undefined ? {} : { concurrency }),
    // `strict` counts a sliding window; otherwise two windows could meet in a burst of twice the rate.
    ...(rate === undefined ? {} : { intervalCap: rate.count, interval: rate.windowMs, strict: true }),
  });
  return async (call, signal) => {
    signal.throwIfAborted();
    // A signal of its own, since the queue adds listeners to it and the job's signal serves many calls.
    const own = new AbortController();
    const unwatch = watchAbort(signal, () => own.abort(signal.reason));
    try {
      return await queue.add(call, { signal: own.signal });
    } finally {
      unwatch();
    }
  };
}
