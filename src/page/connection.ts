import { sharedValue } from './shared-value.ts';

/** How long to wait before the server is looked for again, in milliseconds; doubled after each time in vain. */
const firstWaitMs = 500;
const longestWaitMs = 5000;

/** False: the server does not answer, and is being looked for. */
export const connected = sharedValue(true);

/** To be told by whoever meets a server that does not answer. One search at a time. */
export function connectionLost(): void {
  if (!connected.get()) return;
  connected.set(false);
  look(firstWaitMs);
}

function look(waitMs: number): void {
  setTimeout(async () => {
    if (await answers()) connected.set(true);
    else look(Math.min(waitMs * 2, longestWaitMs));
  }, waitMs);
}

async function answers(): Promise<boolean> {
  try {
    const { ok } = await fetch('/healthz', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    return ok;
  } catch {
    return false;
  }
}

/** Resolves once the server answers, or at once when it is not known to be away; also when nobody waits any more. */
export function whenConnected(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (connected.get() || signal.aborted) return resolve();
    const done = () => {
      stop();
      resolve();
    };
    const stop = connected.listen(done);
    signal.addEventListener('abort', done, { once: true });
  });
}
