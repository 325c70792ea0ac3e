import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../store/database.ts';
import {
  beginPurges,
  dropStagedPatches,
  endHousekeeping,
  endPurge,
  holdHousekeeping,
  listPurges,
  type Purge,
  purgeDeliveries,
  purgedAmong,
  purgeRecords,
} from '../store/retention.ts';
import { dropLeftDrafts } from './left-files.ts';
import { type Log, nameOf } from './log.ts';
import { dropOldUploads, dropStrayUploads } from './upload-retention.ts';

const hourMs = 3_600_000;
/** A start has other things to do first, in milliseconds. */
const firstMs = 2000;
/** A process that has died in the middle is replaced after this time, in milliseconds. */
const holdMs = 60_000;
/** Records of one statement. */
const rowsAtOnce = 2000;

/** How long what belongs to finished jobs is kept. */
export interface RetentionRules {
  /** Undefined: for ever. */
  readonly keepMs: number | undefined;
  readonly exportsFolder: string;
  /** Where files lie that were sent over HTTP; default: there are none. */
  readonly uploadsFolder?: string | undefined;
}

export interface RetentionOptions {
  readonly db: Database;
  readonly holder: string;
  readonly log: Log;
  readonly rules: RetentionRules;
}

/**
 * Deletes the payloads and results of old jobs, about once an hour in one of the processes that run jobs. In
 * small steps with pauses between them, so that nobody waits for it; what is cut short goes on the next time.
 */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #everyMs: number;
  #first: NodeJS.Timeout | undefined;
  #nextAt = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #stopping = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#everyMs = Math.min(hourMs, options.rules.keepMs ?? hourMs);
  }

  /** Tidies up if it is time to: soon after the first call, then at calls an hour later. Returns at once. */
  wake(): void {
    // Only the first turn comes by itself: a process that rests does not start the database for this.
    this.#first ??= setTimeout(() => this.#begin(), firstMs).unref();
    if (performance.now() >= this.#nextAt) this.#begin();
  }

  #begin(): void {
    if (this.#stopping || this.#running !== undefined) return;
    this.#nextAt = performance.now() + this.#everyMs;
    this.#running = this.tidyUp()
      .catch((error: unknown) => {
        this.#options.log.warn({ error: nameOf(error) }, 'old payloads could not be deleted');
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Resolves after the present step. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#first);
    await this.#running;
  }

  /** One turn; none if another process has it at present. */
  async tidyUp(): Promise<void> {
    const { db, holder, rules } = this.#options;
    if (!(await holdHousekeeping(db, holder, holdMs))) return;
    const goesOn = await this.#repeat(() => dropStagedPatches(db));
    await dropLeftDrafts(rules.exportsFolder);
    if (goesOn && rules.keepMs !== undefined) await this.#purgeOlderThan(rules.keepMs);
    await endHousekeeping(db, holder);
  }

  async #purgeOlderThan(ms: number): Promise<void> {
    const { db, rules } = this.#options;
    if (!(await this.#repeat(() => beginPurges(db, ms)))) return;
    const purges = await listPurges(db);
    for (const purge of purges) if (!(await this.#purge(purge))) return;
    await this.#removeExports(rules.exportsFolder, purges.length > 0);
    const { uploadsFolder: uploads } = rules;
    if (uploads === undefined) return;
    await this.#repeat(() => dropOldUploads(db, uploads, ms));
    await dropStrayUploads(db, uploads);
  }

  /** False: it was cut short. */
  async #purge({ batchJobId, total }: Purge): Promise<boolean> {
    const { db, log } = this.#options;
    let from = 0;
    const emptied = await this.#repeat(async () => {
      await purgeRecords(db, batchJobId, from, from + rowsAtOnce);
      from += rowsAtOnce;
      return Math.max(total - from, 0);
    });
    if (!emptied || !(await this.#repeat(() => purgeDeliveries(db, batchJobId)))) return false;
    await endPurge(db, batchJobId, 'Payloads, results and attempts were deleted because of their age.');
    log.info({ batchJobId }, 'the payloads of an old job were deleted');
    return true;
  }

  /**
   * Repeats a step until it says that nothing is left, and rests between two for as long as one took. False: this
   * process stops, or another one tidies up.
   */
  async #repeat(step: () => Promise<number>): Promise<boolean> {
    const { db, holder } = this.#options;
    while (!this.#stopping) {
      const began = performance.now();
      if ((await step()) === 0) return true;
      await sleep(performance.now() - began);
      if (!(await holdHousekeeping(db, holder, holdMs))) return false;
    }
    return false;
  }

  /** Files of purged jobs, whichever process has purged them, and with `ofMany` those that may hold some of them. */
  async #removeExports(folder: string, ofMany: boolean): Promise<void> {
    const names = await readdir(folder).catch(() => []);
    const jobs = new Set(names.flatMap((name) => exportOf.exec(name)?.[1] ?? []));
    const purged = new Set(jobs.size === 0 ? [] : await purgedAmong(this.#options.db, [...jobs]));
    for (const name of names) {
      const [, job] = exportOf.exec(name) ?? [];
      const isGone = job === undefined ? ofMany && acrossJobs.test(name) : purged.has(job);
      if (isGone) await rm(join(folder, name), { force: true });
    }
  }
}

/** Exports begin with the id of their job. */
const exportOf = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})-/;

/** Exports over several jobs; asked for again, they are written anew. */
const acrossJobs = /^dead-letters\b/;
