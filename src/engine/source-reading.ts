import type { JsonObject } from '../domain/json.ts';
import type { Source } from '../sources/source.ts';
import type { Database } from '../store/database.ts';
import { analyzeRecords } from '../store/intake.ts';
import type { BatchJob } from '../store/jobs.ts';
import type { Lease } from '../store/leases.ts';
import { successScope } from '../store/success-scope.ts';
import { noteFullDisk } from './full-disk.ts';
import { type Log, nameOf } from './log.ts';
import { isTextual, type RowRules } from './new-record.ts';
import { type ReadContext, readSource } from './read-source.ts';

/** Files up to this size are read whole before the first call: a broken one then costs nothing. */
const readWholeBytes = 64 * 1024 * 1024;

/** So long after a reading the planner gets fresh numbers, unless the job ends before, in milliseconds. */
const calmMs = 5_000;

export interface ReadingOptions {
  readonly db: Database;
  readonly lease: Lease;
  readonly job: BatchJob;
  readonly flow: RowRules['flow'];
  readonly params: JsonObject;
  readonly maxRecordBytes: number;
  readonly log: Log;
  /** Called after each commit with how many of the rows failed at once, and how many records there are now. */
  readonly onRows: (failed: number, total: number) => void;
  /** Called when the reading is over; `give_back`: the lane has to be taken anew to read on. */
  readonly onEnd: (end: 'over' | 'give_back' | 'broke_off') => void;
}

/** The reading of a job's source beside the lane that runs its records. */
export class SourceReading {
  readonly #options: ReadingOptions;
  readonly #ending = new AbortController();
  #active: boolean;
  #analysis: NodeJS.Timeout | undefined;
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

  /** No record starts before the whole source has been read. */
  get holdsCalls(): boolean {
    const { orderBy } = this.#options.job;
    const source = this.#options.job.source as Source;
    if (orderBy !== null) return this.#active;
    return this.#active && source.kind === 'file' && source.sizeBytes <= readWholeBytes;
  }

  /** Reads no further. The lane makes no more calls, so the planner may have its numbers. */
  end(): void {
    this.#ending.abort();
    if (this.#analysis !== undefined) this.#analyze();
  }

  get #rules(): ReadContext['rules'] {
    const { job, flow, params, maxRecordBytes } = this.#options;
    const { idField, orderBy, duplicates, skipUnchanged } = job;
    const source = job.source as Source;
    // What one job has taken is not too large for the next, not even together with its result.
    const mostBytes = source.kind === 'job' ? Number.MAX_SAFE_INTEGER : maxRecordBytes;
    return {
      flow,
      params,
      flowName: successScope(job.owner, job.flow.name),
      ...{ idField, orderBy, duplicates, skipUnchanged },
      textual: isTextual(source),
      maxRecordBytes: mostBytes,
    };
  }

  async #read(): Promise<void> {
    const { db, lease, job, log, onRows, onEnd } = this.#options;
    const source = job.source as Source;
    const { signal } = this.#ending;
    let end: Parameters<typeof onEnd>[0] = 'broke_off';
    try {
      const whole = await readSource({ db, lease, source, rules: this.#rules, signal, onRows });
      end = whole || signal.aborted ? 'over' : 'give_back';
    } catch (error) {
      log.error({ batchJobId: job.id, error: nameOf(error) }, 'reading the source broke off');
      await noteFullDisk(db, job.id, error);
    }
    this.#active = false;
    onEnd(end);
    // Not at once: the lane's own statements do without, and would have to share the processor.
    this.#analysis = setTimeout(() => this.#analyze(), calmMs).unref();
  }

  /** The table has grown: gives the planner fresh numbers. Nobody waits for them. */
  #analyze(): void {
    clearTimeout(this.#analysis);
    this.#analysis = undefined;
    const { db, job } = this.#options;
    analyzeRecords(db, job.id).catch(() => {});
  }
}
