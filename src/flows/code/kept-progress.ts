import { type Failure, RecordFailure } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { Progress } from '../../domain/progress.ts';
import { BrokenRun } from '../broken-run.ts';
import type { Attempt } from '../flow.ts';

/** As much as is kept for one record, as JSON. */
const mostBytes = 1024 * 1024;
/** Up to here every round of a loop waits for its save; saving more takes long enough to be done now and then. */
const quickBytes = 64 * 1024;
/** Time between two slow saves, in lengths of the last one. */
const restFactor = 10;

/** Names the records and the revision of their payloads that results belong to. No step has this name. */
const ownerKey = '#of';

/**
 * What earlier attempts at a record have left, and what this one leaves: results by path. Results for
 * another payload, or for other records of a chunk, are passed over.
 */
export class KeptProgress {
  readonly #results = new Map<string, JsonValue>();
  readonly #sizes = new Map<string, number>();
  readonly #attempt: Pick<Attempt, 'checkpoint' | 'indexes' | 'members' | 'revision' | 'log'>;
  readonly #owner: string;
  #bytes = 0;
  #isFull = false;
  #changed = false;
  #saving: Promise<void> | undefined;
  #savedAt = -Infinity;
  #saveMs = 0;

  constructor(
    attempt: Pick<Attempt, 'checkpoint' | 'indexes' | 'members' | 'revision' | 'log' | 'progress'>,
  ) {
    this.#attempt = attempt;
    this.#owner = [`r${attempt.revision}`, ...(attempt.members ?? attempt.indexes ?? [])].join();
    this.#bytes = Buffer.byteLength(JSON.stringify(this.#progress()));
    const before = attempt.progress?.results ?? {};
    if (before[ownerKey] !== this.#owner) return;
    for (const [path, value] of Object.entries(before)) if (path !== ownerKey) this.put(path, value);
    this.#changed = false;
  }

  /** A place for what nobody will look for later. */
  apart(): KeptProgress {
    const { revision, log } = this.#attempt;
    return new KeptProgress({ revision, log });
  }

  get bytes(): number {
    return this.#bytes;
  }

  find(path: string): { readonly value: JsonValue } | undefined {
    const value = this.#results.get(path);
    return value === undefined ? undefined : { value };
  }

  /** Keeps a result in memory, for the next save or for the end of a broken run. False: there is no room. */
  put(path: string, value: JsonValue): boolean {
    const size = Buffer.byteLength(`${JSON.stringify(path)}:${JSON.stringify(value)},`);
    if (this.#bytes - (this.#sizes.get(path) ?? 0) + size > mostBytes) {
      this.#sayFull();
      return false;
    }
    this.#drop(path);
    this.#results.set(path, value);
    this.#sizes.set(path, size);
    this.#bytes += size;
    this.#changed = true;
    return true;
  }

  /** Keeps a result where it outlives the process. */
  async keep(path: string, value: JsonValue): Promise<void> {
    if (this.put(path, value)) await this.save();
  }

  /** Drops what is kept at a path and below it. */
  forget(path: string): void {
    for (const known of [...this.#results.keys()]) {
      if (known === path || known.startsWith(`${path}.`) || known === `${path}#`) this.#drop(known);
    }
  }

  /**
   * Resolves when everything kept so far is committed. `inTurn`: of much progress it may resolve before that,
   * so that a loop of many rounds does not spend its time saving.
   */
  async save(inTurn = false): Promise<void> {
    if (!this.#changed || this.#attempt.checkpoint === undefined) return;
    if (inTurn && this.#bytes > quickBytes && this.#rests()) return;
    this.#saving ??= this.#saveAll();
    await this.#saving;
  }

  /** The end of a run, with what the next attempt need not do again. */
  broken({ failure }: { readonly failure: Failure }): RecordFailure {
    return this.#results.size === 0 ? new RecordFailure(failure) : new BrokenRun(failure, this.#progress());
  }

  #rests(): boolean {
    const isEarly = performance.now() - this.#savedAt < restFactor * this.#saveMs;
    return isEarly || this.#saving !== undefined;
  }

  /** One save at a time; what is kept meanwhile goes with the next. */
  async #saveAll(): Promise<void> {
    try {
      while (this.#changed) {
        this.#changed = false;
        const begun = performance.now();
        await this.#attempt.checkpoint?.(this.#progress());
        this.#savedAt = performance.now();
        this.#saveMs = this.#savedAt - begun;
      }
    } finally {
      this.#saving = undefined;
    }
  }

  #progress(): Progress {
    const { indexes } = this.#attempt;
    const results = Object.fromEntries([[ownerKey, this.#owner], ...this.#results]);
    return { results, ...(indexes === undefined ? {} : { indexes }) };
  }

  #drop(path: string): void {
    this.#bytes -= this.#sizes.get(path) ?? 0;
    this.#sizes.delete(path);
    if (this.#results.delete(path)) this.#changed = true;
  }

  #sayFull(): void {
    if (!this.#isFull)
      this.#attempt.log('a record has more than 1 MiB of progress; the rest of it is not kept');
    this.#isFull = true;
  }
}
