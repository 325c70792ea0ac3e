import { watchAbort } from '../connectors/abort-watch.ts';
import { RecordFailure } from '../domain/failure.ts';
import { abortReason } from './abort-reason.ts';

/** Connectors that know the time limit report it better, so they come first. */
const graceMs = 250;

/**
 * Runs a step with a limit to its time: then its signal is aborted, and the step has failed whether it
 * heeds the signal or not. What heeds it at once may say that an answer is lost, and nothing else.
 */
export async function withinTime<T>(
  timeoutMs: number,
  step: string,
  hasEffects: boolean,
  signal: AbortSignal,
  run: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const own = new AbortController();
  const unwatch = watchAbort(signal, () => own.abort(signal.reason));
  const over = new Promise<never>((_, reject) => {
    own.signal.addEventListener('abort', () => setImmediate(reject, own.signal.reason), { once: true });
  });
  const timer = setTimeout(() => own.abort(timeOver(timeoutMs, step, hasEffects)), timeoutMs + graceMs);
  try {
    const result = await Promise.race([run(own.signal), over]);
    own.signal.throwIfAborted();
    return result;
  } catch (error) {
    throw own.signal.aborted ? abortReason(own.signal, error) : error;
  } finally {
    clearTimeout(timer);
    unwatch();
  }
}

/**
 * Runs something until the signal aborts: then it has ended, whether it heeds the signal or not. What heeds it at
 * once may say that an answer is lost.
 */
export function untilAborted<T>(
  signal: AbortSignal,
  run: () => T | Promise<T>,
  failed: (error: unknown) => unknown = (error) => error,
): T | Promise<T> {
  const thrown = (error: unknown): unknown => {
    if (!signal.aborted) return failed(error);
    const reason = abortReason(signal, error);
    return reason === signal.reason ? reason : failed(reason);
  };
  try {
    const result = run();
    return result instanceof Promise ? raced(signal, result, thrown) : result;
  } catch (error) {
    throw thrown(error);
  }
}

async function raced<T>(
  signal: AbortSignal,
  running: Promise<T>,
  thrown: (error: unknown) => unknown,
): Promise<T> {
  let unwatch = () => {};
  const aborted = new Promise<never>((_, reject) => {
    unwatch = watchAbort(signal, () => setImmediate(reject, signal.reason));
    if (signal.aborted) reject(signal.reason);
  });
  try {
    return await Promise.race([running, aborted]);
  } catch (error) {
    throw thrown(error);
  } finally {
    unwatch();
  }
}

function timeOver(timeoutMs: number, step: string, hasEffects: boolean): RecordFailure {
  return new RecordFailure({
    class: 'transient',
    code: 'step_timeout',
    message: `the step took longer than ${timeoutMs / 1000} s`,
    step,
    ...(hasEffects ? { maybeApplied: true } : {}),
  });
}
