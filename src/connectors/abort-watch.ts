/** By signal, what has to happen when it aborts. */
const watched = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `interrupt` once when the signal aborts, unless the returned function is called before.
 *
 * One listener serves all: calls under way share their job's signal, and Node warns of a leak when a
 * signal has more than ten listeners.
 */
export function watchAbort(signal: AbortSignal, interrupt: () => void): () => void {
  let waiting = watched.get(signal);
  if (waiting === undefined) {
    const all = new Set<() => void>();
    waiting = all;
    watched.set(signal, all);
    signal.addEventListener(
      'abort',
      () => {
        for (const each of all) each();
      },
      { once: true },
    );
  }
  const all = waiting;
  all.add(interrupt);
  return () => all.delete(interrupt);
}
