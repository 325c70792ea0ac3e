import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from '../domain/progress.ts';
import type { ClaimedRecord } from '../domain/record.ts';
import type { Database } from '../store/database.ts';
import { refusesContent } from '../store/database-fault.ts';
import type { Lease } from '../store/leases.ts';
import { type ProgressSave, saveProgress } from '../store/progress.ts';
import { storableJson } from '../store/storable-json.ts';
import { LeaseLost } from './lease-lost.ts';
import type { Log } from './log.ts';

/** Progress of one record that is kept at most. */
const largestProgressBytes = 1024 * 1024;
/** Saves, and bytes of them, in one statement at most. */
const savesAtOnce = 500;
const bytesAtOnce = 4 * 1024 * 1024;

interface Waiting extends ProgressSave {
  /** With false: what was given cannot be kept. */
  readonly resolve: (kept: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** Keeps the progress of attempts under way; what comes while a statement runs goes into the next one together. */
export class ProgressKeeper {
  readonly #db: Database;
  readonly #lease: Lease;
  readonly #log: Log;
  #waiting: Waiting[] = [];
  #saves = 0;
  #running = false;
  #abandoned = false;

  constructor(db: Database, lease: Lease, log: Log) {
    this.#db = db;
    this.#lease = lease;
    this.#log = log;
  }

  /**
   * Resolves once the progress is committed, or with false when it is too large or cannot be stored: then
   * what was kept before stays.
   *
   * @throws LeaseLost
   */
  async keep(record: ClaimedRecord, progress: Progress): Promise<boolean> {
    const json = progressJson(progress);
    if (json === undefined) return this.#refuse(record);
    return new Promise<boolean>((resolve, reject) => {
      this.#waiting.push({ record, save: ++this.#saves, json, resolve, reject });
      if (!this.#running) void this.#commitAll();
    });
  }

  /** The lane belongs to somebody else: what waits is rejected. */
  abandon(): void {
    this.#abandoned = true;
  }

  #refuse(record: ClaimedRecord): false {
    const fields = { batchJobId: this.#lease.batchJobId, index: record.index };
    this.#log.warn(fields, 'progress over 1 MiB, or that cannot be stored, is not kept');
    return false;
  }

  /** Never rejects. */
  async #commitAll(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) await this.#commit(this.#takeGroup());
    this.#running = false;
  }

  #takeGroup(): Waiting[] {
    let bytes = 0;
    const end = this.#waiting.findIndex(({ json }, at) => {
      bytes += json.length;
      return at > 0 && (at >= savesAtOnce || bytes > bytesAtOnce);
    });
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    while (!this.#abandoned) {
      try {
        const kept = await saveProgress(this.#db, this.#lease, latestOfEach(group));
        for (const { record, resolve, reject } of group) {
          if (kept.has(record.index)) resolve(true);
          else reject(new LeaseLost());
        }
        return;
      } catch (error) {
        if (refusesContent(error)) return this.#commitEach(group);
        this.#log.warn({ batchJobId: this.#lease.batchJobId }, 'progress waits for the database');
        await sleep(500);
      }
    }
    for (const { reject } of group) reject(new LeaseLost());
  }

  /** The database refused a group: all but the culprit are kept. */
  async #commitEach(group: readonly Waiting[]): Promise<void> {
    const [first] = group;
    if (group.length > 1) for (const one of group) await this.#commit([one]);
    else if (first !== undefined) first.resolve(this.#refuse(first.record));
  }
}

/** As JSON text; undefined when it is too large, or no JSON at all. */
export function progressJson(progress: Progress): string | undefined {
  try {
    const json = storableJson(progress);
    return Buffer.byteLength(json) > largestProgressBytes ? undefined : json;
  } catch {
    return undefined;
  }
}

/** Of several saves of one record in a group the last one holds all. */
function latestOfEach(group: readonly Waiting[]): ProgressSave[] {
  return [...new Map(group.map((save) => [save.record.index, save])).values()];
}
