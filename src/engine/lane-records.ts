import { isAborted } from '../connectors/abort-watch.ts';
import type { JobStatus } from '../domain/job.ts';
import type { ClaimedRecord, Settlement } from '../domain/record.ts';
import { nextDueInMs } from '../store/claims.ts';
import type { SettledRecord } from '../store/settlements.ts';
import { successScope } from '../store/success-scope.ts';
import type { Brakes } from './brakes.ts';
import { Claimer, largestWindow } from './claimer.ts';
import { groupSize, mostUnderWay } from './commit-bounds.ts';
import type { LaneOptions } from './lane-options.ts';
import type { LaneWatch } from './lane-watch.ts';
import { isTextual } from './new-record.ts';
import { judge, type Probe, type ProbeUnderWay } from './probe.ts';
import { processChunk, type ReachedRecord } from './process-chunk.ts';
import { type AttemptContext, processRecord } from './process-record.ts';
import { RampProgress } from './ramp.ts';
import { refusalOf } from './refusal.ts';
import type { StartGate } from './start-gate.ts';
import { Turns } from './turns.ts';
import { Writer } from './writer.ts';

export interface LaneRecordsOptions extends Pick<LaneOptions, 'db' | 'lease' | 'job' | 'flow' | 'log'> {
  readonly context: AttemptContext;
  readonly watch: LaneWatch;
  readonly brakes: Brakes;
  readonly gate: StartGate;
  readonly isStopping: () => boolean;
  /** Called when the lane may have something to do. */
  readonly onChange: () => void;
}

const isRunning = (status: JobStatus) => status === 'pending' || status === 'processing';

/** The records a lane has claimed, on their way from the claim through their run to the commit. */
export class LaneRecords {
  readonly #options: LaneRecordsOptions;
  /** Records in one run, at most. */
  readonly #size: number;
  readonly #turns: Turns;
  readonly #writer: Writer;
  readonly #claimer: Claimer;
  readonly #ramp: RampProgress;
  /** What succeeds is kept for later jobs that leave out what has not changed. */
  readonly #remembers: boolean;
  /** The source knows texts only. */
  readonly #textual: boolean;
  #probe: ProbeUnderWay | undefined;

  constructor(options: LaneRecordsOptions) {
    const { db, lease, job, flow, log, watch, onChange } = options;
    this.#options = options;
    this.#size = flow.chunk?.size ?? 1;
    this.#ramp = new RampProgress(db, lease, job);
    this.#remembers = job.idField !== null && flow.digest !== undefined;
    this.#textual = isTextual(job.source);
    const window = flow.hasEffects ? 2 * job.waveConcurrency * this.#size : largestWindow;
    this.#claimer = new Claimer(db, lease, job, this.#size, window, () => {
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
        flowName: successScope(job.owner, job.flow.name),
        ordered: job.orderBy !== null,
        remembers: this.#remembers,
        forgets: job.undoOf !== null,
        onFailure: job.onRecordFailure,
        callback: job.callback,
      },
      log,
      observer: options.context.observer,
      flowName: job.flow.name,
      bound: () => mostUnderWay(flow.hasEffects, this.#turns.concurrency, this.#size),
      flushAt: () => groupSize(flow.hasEffects, this.#turns.concurrency, this.#size),
      onLost: () => {
        watch.lost = true;
      },
      onCommit: (status) => {
        // Only news of a stop: an answer that comes late must not undo one.
        if (status !== undefined && !isRunning(status)) watch.note(status);
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
    return this.#turns.areNone;
  }

  set concurrency(concurrency: number) {
    this.#turns.concurrency = concurrency;
  }

  get #lowWater(): number {
    const { window } = this.#claimer;
    return Math.max(
      this.#turns.concurrency * this.#size,
      this.#options.flow.hasEffects ? window >> 2 : window,
    );
  }

  /** Claims a window of due records; `rowsMayCome`: the source is being read as it begins. False: none are due. */
  async claim(rowsMayCome: boolean): Promise<boolean> {
    const { concurrency } = this.#turns;
    const { ceiling } = this.#ramp;
    const claimed = await this.#claimer.claim(this.#options.brakes.budget.allowsFresh, concurrency, ceiling);
    this.#turns.add(claimed, (rowsMayCome && ceiling === undefined) || !this.#claimer.drained);
    return claimed.length > 0 || !this.#claimer.drained;
  }

  /** With nothing under way: the job comes to the next step of its ramp, or pauses. False: neither. */
  async advanceRamp(): Promise<boolean> {
    const { watch } = this.#options;
    const status = await this.#ramp.advance();
    if (status !== undefined) watch.note(status);
    return status !== undefined;
  }

  /** Milliseconds until the next record that came back may be claimed; undefined: there is none. */
  nextDueInMs(): Promise<number | undefined> {
    const { db, job, brakes } = this.#options;
    return nextDueInMs(db, job.id, { fresh: brakes.budget.allowsFresh, ceiling: this.#ramp.ceiling });
  }

  /** Runs one suspect of killing its process with nothing else under way. False: there is none that may run. */
  async runAlone(): Promise<boolean> {
    const claimed = await this.#claimer.claimAlone();
    if (claimed.length === 0) return false;
    if (!claimed.every((record) => this.#options.brakes.budget.allows(record))) {
      this.#writer.handBack(claimed);
      await this.#writer.idle();
      return false;
    }
    this.#turns.add(claimed, false);
    await this.settled();
    return true;
  }

  /**
   * Lets one record, or a run that broke, try whether the trouble that paused the job is over, after `probes` that
   * found it is not. If it is not, the attempt does not count. `found` resolves when that has been committed, and
   * never rejects. undefined: no record is due.
   */
  async probe(probes: number): Promise<{ readonly found: Promise<Probe> } | undefined> {
    const { budget } = this.#options.brakes;
    const records = await this.#claimer.claimProbe(probes, budget.allowsFresh, this.#ramp.ceiling);
    if (records.length === 0) return undefined;
    const found = new Promise<Probe>((resolve) => {
      const indexes = new Set(records.map(({ index }) => index));
      this.#probe = { indexes, probes: probes + 1, resolve };
    });
    this.#turns.add(records, false);
    return { found: this.#committed(found) };
  }

  async #committed(found: Promise<Probe>): Promise<Probe> {
    const probe = await found;
    this.#probe = undefined;
    await this.#writer.idle();
    // What was abandoned was not committed.
    return this.#options.watch.lost ? { kind: 'untried' } : probe;
  }

  /** Gives up what has not started. */
  handBack(): void {
    const records = this.#turns.takeBack();
    for (const { index } of records) this.#probeOf(index)?.resolve({ kind: 'untried' });
    this.#writer.handBack(records);
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
    const { brakes, context, gate } = this.#options;
    // Mostly both say at once that it may go on; to wait for what is there already costs each record a little.
    const admission = this.#writer.admit();
    if (admission !== undefined) await admission;
    const passing = gate.pass(() => this.#mayStart(record));
    const ended = passing instanceof Promise ? await passing : passing;
    if (ended === undefined) return this.#returnUntried(record);
    const refusal = this.#refusal(record);
    if (refusal === undefined) {
      brakes.circuit.began(record.index);
      this.#settle(record, await processRecord(context, record));
    } else this.#refuse([{ record, settlement: refusal }], false);
    ended();
  }

  /** Never rejects. */
  async #runChunk(records: readonly ClaimedRecord[]): Promise<void> {
    await this.#writer.admit(records.length);
    const ended = await this.#options.gate.pass(() => records.some((record) => this.#mayStart(record)));
    if (ended === undefined) {
      for (const record of records) this.#returnUntried(record);
    } else {
      await this.#runStartable(records);
      ended();
    }
  }

  async #runStartable(records: readonly ClaimedRecord[]): Promise<void> {
    const { brakes, context, flow, watch } = this.#options;
    const startable: ClaimedRecord[] = [];
    const refused: ReachedRecord[] = [];
    for (const record of records) {
      const refusal = this.#refusal(record);
      if (!this.#mayStart(record)) this.#returnUntried(record);
      else if (refusal === undefined) startable.push(record);
      else refused.push({ record, settlement: refusal });
    }
    this.#refuse(refused, startable.length > 0);
    if (flow.chunk === undefined || startable.length === 0) return;
    for (const { index } of startable) brakes.circuit.began(index);
    const isProbe = startable.some(({ index }) => this.#probeOf(index) !== undefined);
    let isFoundOut = false;
    const settled = (reached: readonly ReachedRecord[]) => {
      isFoundOut = isProbe;
      this.#writer.addAll(reached.map(({ record, settlement }) => this.#noted(record, settlement)));
    };
    const { signal } = context;
    // Where one half of a chunk has found the trouble lasting, the other need not find it again.
    const mayGoOn = () => !isFoundOut && watch.mayStart && !signal.aborted;
    const chunk = { ...context, signal, chunk: flow.chunk, mayGoOn, settled };
    await processChunk(chunk, startable);
  }

  #refusal(record: ClaimedRecord): Settlement | undefined {
    return refusalOf(record, this.#options.flow, this.#textual);
  }

  /** Records that do not run; `othersRun`: of those that were claimed with them some do. */
  #refuse(refused: readonly ReachedRecord[], othersRun: boolean): void {
    for (const { record, settlement } of refused) {
      this.#options.brakes.noteRefused(record, settlement);
      this.#writer.add(record, settlement);
      // Of the trouble that it should find out about it knows nothing.
      if (!othersRun) this.#probeOf(record.index)?.resolve({ kind: 'untried' });
    }
  }

  #mayStart(record: ClaimedRecord): boolean {
    const { watch, brakes, context, isStopping } = this.#options;
    if (isStopping() || !watch.mayStart || isAborted(context.signal)) return false;
    const { status } = watch.control;
    if (this.#probeOf(record.index) === undefined) return isRunning(status) && brakes.allow(record);
    return (isRunning(status) || status === 'paused') && brakes.budget.allows(record);
  }

  #settle(record: ClaimedRecord, reached: Settlement): void {
    const { settlement, digest } = this.#noted(record, reached);
    this.#writer.add(record, settlement, digest);
  }

  /** What has to be written of a record, once everybody has taken note who decides about the next ones. */
  #noted(record: ClaimedRecord, reached: Settlement): SettledRecord {
    const probe = this.#probeOf(record.index);
    const { brakes, flow, context } = this.#options;
    const settlement = probe === undefined ? reached : judge(probe, record, reached, flow, brakes.circuit);
    brakes.note(record, settlement);
    const remembered = this.#remembers && 'result' in settlement;
    return {
      record,
      settlement,
      digest: remembered ? flow.digest?.(record.payload, context.params) : undefined,
    };
  }

  #returnUntried(record: ClaimedRecord): void {
    this.#probeOf(record.index)?.resolve({ kind: 'untried' });
    this.#writer.add(record, { status: 'pending', uncounted: true });
  }

  /** The probe that the record belongs to. */
  #probeOf(index: number): ProbeUnderWay | undefined {
    return this.#probe?.indexes.has(index) === true ? this.#probe : undefined;
  }
}
