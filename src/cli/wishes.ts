import { createInterface } from 'node:readline';
import type { Host } from './host.ts';

/** What a person who watches a job can want of it. */
export type Wish = 'interrupt' | 'leave' | 'resume' | 'detach';

const keys: Readonly<Record<string, Wish>> = { r: 'resume', d: 'detach', q: 'leave' };

export const keyHelp = [
  '  Ctrl-C again  cancels it',
  '  r, Enter      goes on',
  '  d, Enter      goes on in the background and leaves',
  '  q, Enter      leaves it paused',
];

export interface Wishes {
  /** Aborted while a wish is waiting to be taken. */
  readonly signal: AbortSignal;
  take(): Wish | undefined;
  /** Resolves when nobody waits any more, not even for the job to exist. */
  readonly impatience: Promise<undefined>;
  close(): void;
}

/** Listens to signals and, where a person types, to keys, until it is closed. */
export function listenForWishes(host: Pick<Host, 'onSignal' | 'terminal'>): Wishes {
  const waiting: Wish[] = [];
  let controller = new AbortController();
  let giveUp = (_: undefined) => {};
  const impatience = new Promise<undefined>((resolve) => {
    giveUp = resolve;
  });
  const add = (wish: Wish | undefined) => {
    if (wish === undefined) return;
    waiting.push(wish);
    controller.abort();
    if (wish === 'leave' || waiting.length > 1) giveUp(undefined);
  };
  const stopSignals = host.onSignal(add);
  // Without `terminal` the line discipline stays the system's, and Ctrl-C a signal.
  const lines = host.terminal.canAsk
    ? createInterface({ input: host.terminal.input, terminal: false })
    : undefined;
  lines?.on('line', (line) => add(keys[line.trim().toLowerCase()]));

  return {
    get signal() {
      return controller.signal;
    },
    take() {
      const wish = waiting.shift();
      if (waiting.length === 0) controller = new AbortController();
      return wish;
    },
    impatience,
    close() {
      stopSignals();
      lines?.close();
    },
  };
}
