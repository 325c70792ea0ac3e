import { setTimeout as sleep } from 'node:timers/promises';
import type { ResourceState } from '../operations/watch-resource.ts';

/** Resources are looked at this often, so a client hears of one at most as often, in milliseconds. */
const lookMs = 1000;
/** What is quiet is looked at in every so many rounds only. */
const quietRounds = 3;
const urisAtMost = 100;

export interface SubscriptionOptions {
  /** @throws for an address that leads nowhere. */
  readonly stateOf: (uri: string) => Promise<ResourceState>;
  readonly notify: (uri: string) => Promise<void>;
}

/**
 * The resources one client wants to hear of. Looks at them as long as there are any, and tells of changes
 * only.
 */
export class Subscriptions {
  readonly #options: SubscriptionOptions;
  readonly #known = new Map<string, ResourceState>();
  readonly #ending = new AbortController();
  #watching: Promise<void> | undefined;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  /** False: there are too many already. */
  async add(uri: string): Promise<boolean> {
    const state = await this.#options.stateOf(uri);
    if (this.#ending.signal.aborted) return true;
    if (this.#known.size >= urisAtMost && !this.#known.has(uri)) return false;
    this.#known.set(uri, state);
    this.#watching ??= this.#watch();
    return true;
  }

  remove(uri: string): void {
    this.#known.delete(uri);
  }

  /** Ends everything; nobody is told of anything any more. */
  close(): void {
    this.#known.clear();
    this.#ending.abort();
  }

  /** Never rejects. */
  async #watch(): Promise<void> {
    const { signal } = this.#ending;
    for (let round = 1; this.#known.size > 0 && !signal.aborted; round++) {
      await sleep(lookMs, undefined, { ref: false, signal }).catch(() => {});
      for (const [uri, known] of [...this.#known]) {
        if (!known.isQuiet || round % quietRounds === 0) await this.#look(uri, known);
      }
    }
    this.#watching = undefined;
  }

  async #look(uri: string, known: ResourceState): Promise<void> {
    try {
      const state = await this.#options.stateOf(uri);
      // It may have been given up, or asked for anew, in the meantime.
      if (this.#known.get(uri) !== known) return;
      this.#known.set(uri, state);
      if (state.version !== known.version) await this.#options.notify(uri);
    } catch {
      // Out of reach at the moment, or the client is gone: the next round sees.
    }
  }
}
