import type { ClaimedRecord, Settlement } from '../domain/record.ts';
import { Claimer, largestWindow } from './claimer.ts';
import type { FailureBudget } from './failure-budget.ts';
import type { LaneWatch } from './lane-watch.ts';
import { processChunk } from './process-chunk.ts';
import { type AttemptContext, processRecord } from './process-record.ts';
import type { LaneOptions } from './run-lane.ts';
import { Turns } from './turns.ts';
import { Writer } from './writer.ts';

/**
 * How many records of a job may be started and not committed, which is what a crash can repeat: for flows
 * with outside effects those of two runs in each slot.
 */
export function mostUnderWay(hasEffects: boolean, concurrency: number, chunkSize: number): number {
  const twice = 2 * concurrency * chunkSize;
  return hasEffects ? twice : Math.max(largestWindow, twice);
}

export interface LaneRecordsOptions extends Pick<LaneOptions, 'db' | 'lease' | 'job' | 'flow' | 'log'> {
  readonly context: AttemptContext;
  readonly watch: LaneWatch;
  readonly budget: FailureBudget;
  readonly isStopping: () => boolean;
  /** Called when the lane may have something to do. */
  readonly onChange: () => void;
}

/** The records a lane has claimed, on their way from the claim through their run to the commit. */
export class LaneRecords {
  readonly #options: LaneRecordsOptions;
  /** Records in one run, at most. */
  readonly #size: number;
  readonly #turns: Turns;
  readonly #writer: Writer;
  readonly #claimer: Claimer;

  constructor(options: LaneRecordsOptions) {
    const { db, lease, job, flow, log, watch, onChange } = options;
    this.#options = options;
    this.#size = flow.chunk?.size ?? 1;
    const window = flow.hasEffects ? 2 * job.waveConcurrency * this.#size : largestWindow;
    this.#claimer = new Claimer(db, lease, this.#size, window, () => {
      watch.lost = true;
    });
    this.#turns = new Turns({
      concurrency: job.waveConcurrency,
      size: this.#size,
      run:
        flow.chunk === undefined
          ? (records) => this.#runRecord(records[0])
          : (records) => this.#runChunk(records),
      lowWater: () => this.#lowWater,
      onLow: onChange,
    });
    this.#writer = new Writer({
      db,
      lease,
      wishes: {
        flowName: job.flow.name,
        ordered: job.orderBy !== null,
        remembers: this.#remembers,
        onFailure: job.onRecordFailure,
        callback: job.callback,
      },
      log,
      bound: () => mostUnderWay(flow.hasEffects, this.#turns.concurrency, this.#size),
      flushAt: () => (flow.hasEffects ? this.#turns.concurrency * this.#size : largestWindow),
      onCommit: (status) => {
        if (status !== undefined) watch.control = { ...watch.control, status };
        onChange();
      },
    });
  }

  /** Enough are ready for a while. */
  get suffice(): boolean {
    return this.#turns.ready > this.#lowWater;
  }

  get areUnderWay(): boolean {
    return this.#turns.underWay > 0;
  }

  /** None has been claimed that is not settled. */
  get areNone(): boolean {
    return this.#turns.underWay === 0 && this.#turns.ready === 0;
  }

  set concurrency(concurrency: number) {
    this.#turns.concurrency = concurrency;
  }

  /** What succeeds is kept for later jobs that leave out what has not changed. */
  get #remembers(): boolean {
    const { job, flow } = this.#options;
    return job.idField !== null && flow.digest !== undefined;
  }

  get #lowWater(): number {
    return Math.max(this.#turns.concurrency * this.#size, this.#claimer.window >> 2);
  }

  /** Claims a window of due records; `rowsMayCome`: the source is being read as it begins. False: there are none. */
  async claim(rowsMayCome: boolean): Promise<boolean> {
    const { concurrency } = this.#turns;
    const claimed = await this.#claimer.claim(this.#options.budget.allowsFresh, concurrency);
    this.#turns.add(claimed, rowsMayCome || !this.#claimer.drained);
    return claimed.length > 0;
  }

  /** Runs one suspect of killing its process with nothing else under way. False: there is none that may run. */
  async runAlone(): Promise<boolean> {
    const claimed = await this.#claimer.claimAlone();
    if (claimed.length === 0) return false;
    if (!claimed.every((record) => this.#options.budget.allows(record))) {
      this.#writer.handBack(claimed);
      await this.#writer.idle();
      return false;
    }
    this.#turns.add(claimed, false);
    await this.settled();
    return true;
  }

  /** Gives up what has not started. */
  handBack(): void {
    this.#writer.handBack(this.#turns.takeBack());
    this.#claimer.rewind();
  }

  /** Resolves when nothing is under way and everything is committed. */
  async settled(): Promise<void> {
    await this.#turns.onIdle();
    await this.#writer.idle();
  }

  /** Commits nothing any more: the lane belongs to somebody else now. */
  abandon(): void {
    this.#writer.abandon();
  }

  /** Never rejects. */
  async #runRecord(record: ClaimedRecord | undefined): Promise<void> {
    if (record === undefined) return;
    await this.#writer.admit();
    if (this.#mayStart(record)) this.#settle(record, await processRecord(this.#options.context, record));
    else this.#returnUntried(record);
  }

  /** Never rejects. */
  async #runChunk(records: readonly ClaimedRecord[]): Promise<void> {
    const { context, flow, watch } = this.#options;
    await this.#writer.admit(records.length);
    const startable: ClaimedRecord[] = [];
    for (const record of records) {
      if (this.#mayStart(record)) startable.push(record);
      else this.#returnUntried(record);
    }
    if (flow.chunk === undefined || startable.length === 0) return;
    const settled = (record: ClaimedRecord, settlement: Settlement) => this.#settle(record, settlement);
    const chunk = { ...context, chunk: flow.chunk, mayGoOn: () => watch.mayStart, settled };
    await processChunk(chunk, startable);
  }

  #mayStart(record: ClaimedRecord): boolean {
    const { watch, budget, isStopping } = this.#options;
    const { status } = watch.control;
    const runs = status === 'pending' || status === 'processing';
    return runs && !isStopping() && watch.mayStart && budget.allows(record);
  }

  #settle(record: ClaimedRecord, settlement: Settlement): void {
    this.#options.budget.note(record, settlement);
    const { flow, context } = this.#options;
    const remembered = this.#remembers && 'result' in settlement;
    this.#writer.add(
      record,
      settlement,
      remembered ? flow.digest?.(record.payload, context.params) : undefined,
    );
  }

  #returnUntried(record: ClaimedRecord): void {
    this.#writer.add(record, { status: 'pending', uncounted: true });
    this.#claimer.rewind();
  }
}
