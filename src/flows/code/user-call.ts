import { watchAbort } from '../../connectors/abort-watch.ts';
import { abortReason } from '../abort-reason.ts';
import { withinTime } from '../step-time.ts';
import type { UserFunction } from './chain.ts';
import type { Frame } from './frame.ts';
import { groupedPath, type Place, stepFailure } from './step-failure.ts';
import { recordContext } from './user-context.ts';

/** A call of a function that a flow's author wrote. */
export interface UserCall extends Place {
  readonly timeoutMs?: number | undefined;
}

/**
 * Calls a function of the flow, and ends when the run has to, whether the function heeds its signal or not.
 *
 * @throws RecordFailure for whatever the function throws; the signal's reason once the run has to end.
 */
export async function callUser(
  frame: Frame,
  call: UserCall,
  run: UserFunction,
  more: object = {},
): Promise<unknown> {
  const { path } = call;
  return guarded(frame.run.context.signal, call, frame.run.hasEffects, (signal) =>
    run({ ...recordContext(frame, path, signal), ...more }),
  );
}

/** Runs something of a flow's author until it ends or has to. */
export async function guarded(
  signal: AbortSignal,
  call: UserCall,
  hasEffects: boolean,
  run: (signal: AbortSignal) => unknown,
): Promise<unknown> {
  if (signal.aborted) throw signal.reason;
  try {
    if (call.timeoutMs === undefined) return await untilAborted(signal, run);
    return await withinTime(call.timeoutMs, groupedPath(call.path), hasEffects, signal, run);
  } catch (error) {
    if (signal.aborted && abortReason(signal, error) === signal.reason) throw signal.reason;
    throw stepFailure(error, call);
  }
}

/** What is abandoned may still reject; the promise of the race hears it, and nobody else. */
function untilAborted(signal: AbortSignal, run: (signal: AbortSignal) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const unwatch = watchAbort(signal, () => setImmediate(reject, signal.reason));
    const ended = (async () => {
      const result = await run(signal);
      signal.throwIfAborted();
      return result;
    })();
    ended.then(resolve, reject).finally(unwatch);
  });
}
