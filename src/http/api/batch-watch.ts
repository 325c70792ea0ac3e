import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchState } from '../../operations/watch-batches.ts';

/** Jobs are looked at this often while anything changes, and this often when nothing has for a while, in milliseconds. */
const busyMs = 250;
const quietMs = 1000;
const quietAfterMs = 5000;

export interface WatchOptions {
  /** The present states of jobs of one owner, those excepted that are not there any more. */
  readonly look: (owner: string | null, batchJobIds: readonly string[]) => Promise<readonly BatchState[]>;
  /** Aborted when everything has to end. */
  readonly ending: AbortSignal;
}

export interface Listener {
  /** Told of the state after every look, also when nothing has changed. */
  tell(state: BatchState): void;
  /** There is nothing to be told any more. */
  end(): void;
}

interface Watched {
  readonly owner: string | null;
  readonly listeners: Set<Listener>;
  known: string;
}

/**
 * Looks at the jobs that somebody listens to. However many listen, each job is looked at once, and all jobs of an
 * owner with one statement.
 */
export class BatchWatch {
  readonly #options: WatchOptions;
  readonly #watched = new Map<string, Watched>();
  #looking: Promise<void> | undefined;
  #changedAt = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
    options.ending.addEventListener('abort', () => this.#endAll(), { once: true });
  }

  /** How many listen. */
  get listeners(): number {
    return [...this.#watched.values()].reduce((sum, { listeners }) => sum + listeners.size, 0);
  }

  /** Returns what takes the listener away again. */
  add(owner: string | null, batchJobId: string, listener: Listener): () => void {
    const watched = this.#watched.get(batchJobId) ?? { owner, listeners: new Set(), known: '' };
    watched.listeners.add(listener);
    this.#watched.set(batchJobId, watched);
    this.#changedAt = performance.now();
    this.#looking ??= this.#lookOn();
    return () => {
      watched.listeners.delete(listener);
      if (watched.listeners.size === 0 && this.#watched.get(batchJobId) === watched)
        this.#watched.delete(batchJobId);
    };
  }

  /** Never rejects. */
  async #lookOn(): Promise<void> {
    const { ending: signal } = this.#options;
    while (this.#watched.size > 0 && !signal.aborted) {
      const isQuiet = performance.now() - this.#changedAt > quietAfterMs;
      await sleep(isQuiet ? quietMs : busyMs, undefined, { ref: false, signal }).catch(() => {});
      for (const [owner, batchJobIds] of this.#byOwner()) await this.#look(owner, batchJobIds);
    }
    this.#looking = undefined;
  }

  #byOwner(): Map<string | null, string[]> {
    const owners = new Map<string | null, string[]>();
    for (const [batchJobId, { owner }] of this.#watched)
      owners.set(owner, [...(owners.get(owner) ?? []), batchJobId]);
    return owners;
  }

  async #look(owner: string | null, batchJobIds: readonly string[]): Promise<void> {
    // Who joins during the look has seen a newer state than it will find.
    const asking = new Map(batchJobIds.map((id) => [id, [...(this.#watched.get(id)?.listeners ?? [])]]));
    try {
      const states = await this.#options.look(owner, batchJobIds);
      const found = new Map(states.map((state) => [state.batch_job_id, state]));
      for (const [id, listeners] of asking) this.#tell(id, listeners, found.get(id));
    } catch {
      // The database is out of reach at the moment; the next round sees.
    }
  }

  #tell(batchJobId: string, listeners: readonly Listener[], state: BatchState | undefined): void {
    if (state === undefined) {
      for (const listener of listeners) listener.end();
      return;
    }
    const watched = this.#watched.get(batchJobId);
    const version = JSON.stringify(state);
    if (watched !== undefined && watched.known !== version) {
      watched.known = version;
      this.#changedAt = performance.now();
    }
    for (const listener of listeners) listener.tell(state);
  }

  #endAll(): void {
    for (const { listeners } of this.#watched.values()) for (const listener of listeners) listener.end();
  }
}
