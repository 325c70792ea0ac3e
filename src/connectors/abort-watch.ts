import { addAbortListener } from 'node:events';

/** Somebody who waits, and the place among those who do; -1: it has given that up. */
interface Watcher {
  readonly interrupt: () => void;
  place: number;
}

/**
 * By signal, who waits.
 *
 * Arrays: a Set lays its entries out anew after some deletions, and what it had before leads on to what it has then.
 * Once one of these tables is old, V8's young collections take all later ones for alive, with the calls that were
 * under way at each of those moments.
 */
const watched = new WeakMap<AbortSignal, Watcher[]>();

/**
 * What `signal.aborted` says, for what is on the way of every record. In Node 20 each signal has a shape of its own
 * (its prototype is set when it is there already), and each job a signal: code that reads its fields itself is thrown
 * away and compiled anew with the next job.
 */
export const isAborted = (signal: AbortSignal): boolean => Reflect.get(signal, 'aborted');

/**
 * Calls `interrupt` once when the signal aborts, unless the returned function is called before.
 *
 * One listener serves all: calls under way share their job's signal, and Node warns of a leak when a
 * signal has more than ten listeners.
 */
export function watchAbort(signal: AbortSignal, interrupt: () => void): () => void {
  const watchers = watchersOf(signal);
  const watcher: Watcher = { interrupt, place: watchers.length };
  watchers.push(watcher);
  return () => {
    if (watcher.place >= 0) remove(watcher, watchers);
  };
}

function watchersOf(signal: AbortSignal): Watcher[] {
  const known = watched.get(signal);
  if (known !== undefined) return known;
  const watchers: Watcher[] = [];
  watched.set(signal, watchers);
  const interruptAll = () => {
    for (const { interrupt, place } of [...watchers]) if (place >= 0) interrupt();
  };
  addAbortListener(signal, interruptAll);
  return watchers;
}

/** The last one takes the place. */
function remove(watcher: Watcher, watchers: Watcher[]): void {
  const last = watchers.pop();
  if (last !== undefined && last !== watcher) {
    watchers[watcher.place] = last;
    last.place = watcher.place;
  }
  watcher.place = -1;
}
