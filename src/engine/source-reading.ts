import type { FileSource } from '../sources/source.ts';
import type { Database } from '../store/database.ts';
import { analyzeRecords } from '../store/intake.ts';
import type { BatchJob } from '../store/jobs.ts';
import type { Lease } from '../store/leases.ts';
import { type Log, nameOf } from './log.ts';
import { readSource } from './read-source.ts';

/** Files up to this size are read whole before the first call: a broken one then costs nothing. */
const readWholeBytes = 64 * 1024 * 1024;

export interface ReadingOptions {
  readonly db: Database;
  readonly lease: Lease;
  readonly job: BatchJob;
  readonly maxRecordBytes: number;
  readonly log: Log;
  /** Called after each commit with how many of the rows were bad. */
  readonly onRows: (bad: number) => void;
  /** Called when the reading is over; `give_back`: the lane has to be taken anew to read on. */
  readonly onEnd: (end: 'over' | 'give_back' | 'broke_off') => void;
}

/** The reading of a job's source beside the lane that runs its records. */
export class SourceReading {
  readonly #options: ReadingOptions;
  readonly #ending = new AbortController();
  #active: boolean;
  /** Resolves when nothing is read any more; never rejects. */
  readonly ended: Promise<void>;

  constructor(options: ReadingOptions) {
    this.#options = options;
    this.#active = options.job.intake === 'reading';
    this.ended = this.#active ? this.#read() : Promise.resolve();
  }

  /** Rows may still come. */
  get active(): boolean {
    return this.#active;
  }

  /** No record starts before the whole file has been read. */
  get holdsCalls(): boolean {
    return this.#active && (this.#options.job.source as FileSource).sizeBytes <= readWholeBytes;
  }

  /** Reads no further. */
  end(): void {
    this.#ending.abort();
  }

  async #read(): Promise<void> {
    const { db, lease, job, maxRecordBytes, log, onRows, onEnd } = this.#options;
    const { idField } = job;
    const source = job.source as FileSource;
    const { signal } = this.#ending;
    let end: Parameters<typeof onEnd>[0] = 'broke_off';
    try {
      const whole = await readSource({ db, lease, source, idField, maxRecordBytes, signal, onRows });
      end = whole || signal.aborted ? 'over' : 'give_back';
    } catch (error) {
      log.error({ batchJobId: job.id, error: nameOf(error) }, 'reading the source broke off');
    }
    this.#active = false;
    onEnd(end);
    // The table has just grown. The lane's own statements do without statistics, so nobody waits for them.
    analyzeRecords(db).catch(() => {});
  }
}
