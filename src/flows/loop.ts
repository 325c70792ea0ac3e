import { setImmediate } from 'node:timers/promises';
import { RecordFailure } from '../domain/failure.ts';
import { abortReason } from './abort-reason.ts';

/** After so many items without a pause others get their turn: timers, and whoever aborts. */
const itemsInTurn = 500;

export interface LoopRules {
  /** Runs at once, at most. */
  readonly maxParallel: number;
  /** After the first failure no further item is begun; what is under way finishes. */
  readonly stopAtFailure: boolean;
  /** Once it is aborted no further item is begun, and the loop ends with its reason. */
  readonly signal: AbortSignal;
}

export interface LoopFailure {
  readonly index: number;
  readonly error: RecordFailure;
}

export interface LoopResults<T> {
  /** In the order of the items; undefined where one failed or was not begun. */
  readonly results: readonly (T | undefined)[];
  /** In the order of the items. */
  readonly failures: readonly LoopFailure[];
}

/**
 * Takes each item through `run`, a bounded number at once, the next as soon as one is done. Anything thrown
 * that is no failure of the record ends the loop, once what is under way has ended.
 */
export async function runLoop<Item, T>(
  items: readonly Item[],
  { maxParallel, stopAtFailure, signal }: LoopRules,
  run: (item: Item, index: number) => Promise<T>,
): Promise<LoopResults<T>> {
  const results: (T | undefined)[] = items.map(() => undefined);
  const failures: LoopFailure[] = [];
  const defects: unknown[] = [];
  let next = 0;
  const mayBegin = () => !signal.aborted && defects.length === 0 && !(stopAtFailure && failures.length > 0);

  const work = async (): Promise<void> => {
    while (next < items.length && mayBegin()) {
      const index = next++;
      if (index % itemsInTurn === itemsInTurn - 1) await setImmediate();
      try {
        results[index] = await run(items[index] as Item, index);
      } catch (error) {
        if (error instanceof RecordFailure) failures.push({ index, error });
        else defects.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxParallel, items.length) }, work));
  if (signal.aborted) throw abortReasonAmong(failures, signal);
  if (defects.length > 0) throw defects[0];
  failures.sort((a, b) => a.index - b.index);
  return { results, failures };
}

const abortReasonAmong = (failures: readonly LoopFailure[], signal: AbortSignal): unknown =>
  failures.map(({ error }) => abortReason(signal, error)).find((reason) => reason !== signal.reason) ??
  signal.reason;
