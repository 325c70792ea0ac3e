import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../store/database.ts';
import { readWorkload } from '../store/jobs.ts';
import { countClients } from '../store/standby-lock.ts';
import type { Engine } from './engine.ts';

const lookMs = 1000;
/** With nothing to do for this long the standby ends, in milliseconds. */
const idleMs = 10_000;

export interface StandbyOptions {
  readonly db: Database;
  /** Takes over jobs nobody holds; undefined: only watch over the embedded server. */
  readonly engine: Engine | undefined;
  /** Sluice's own server runs while it has clients. */
  readonly embedded: boolean;
  /** Aborted when the process has to end, or the standby's lock is gone. */
  readonly signal: AbortSignal;
}

/**
 * Outlives the processes that accept jobs: takes over what they leave, and returns once nothing can
 * go on and, with the embedded server, nobody is connected.
 */
export async function standBy(options: StandbyOptions): Promise<void> {
  const { engine } = options;
  let idleSince = performance.now();
  engine?.wake();
  while (!options.signal.aborted && performance.now() - idleSince < idleMs) {
    if (await isNeeded(options)) idleSince = performance.now();
    await sleep(lookMs, undefined, { signal: options.signal }).catch(() => {});
  }
}

async function isNeeded({ db, engine, embedded }: StandbyOptions): Promise<boolean> {
  try {
    if (engine !== undefined) {
      const { active, unfinished, owesCallbacks } = await readWorkload(db);
      if (unfinished > 0 || owesCallbacks) engine.wake();
      if (active > 0 || owesCallbacks || engine.running > 0) return true;
    }
    return embedded && (await countClients(db)) > 0;
  } catch {
    // A database that stays away ends the wait like any other idleness, once its jobs have been given up.
    return engine !== undefined && engine.running > 0;
  }
}
