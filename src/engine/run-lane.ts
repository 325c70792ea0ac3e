import { setMaxListeners } from 'node:events';
import type { JobStatus } from '../domain/job.ts';
import type { RecordStatus } from '../domain/record.ts';
import { endIntake } from '../store/intake.ts';
import { releaseLease } from '../store/leases.ts';
import { AttemptSignal } from './attempt-signal.ts';
import { Brakes } from './brakes.ts';
import { CircuitProbe } from './circuit-probe.ts';
import { JobEnd } from './job-end.ts';
import { JobState } from './job-state.ts';
import type { LaneOptions } from './lane-options.ts';
import { LaneRecords } from './lane-records.ts';
import { LaneWatch } from './lane-watch.ts';
import { nameOf } from './log.ts';
import type { AttemptContext } from './process-record.ts';
import { ProgressKeeper } from './progress-keeper.ts';
import { recallStarts } from './recall-starts.ts';
import { SourceReading } from './source-reading.ts';
import { StartGate } from './start-gate.ts';
import { ThrottleReport } from './throttle-report.ts';
import { WakeUp } from './wake-up.ts';

/** A lane looks for due records and orders at least this often, in milliseconds. */
const restMs = 500;

/**
 * Works off one job in this process: reads its source, claims due records in windows, runs them at the
 * job's concurrency, runs the flow's end part, and finishes the job.
 *
 * A sliding window, never a barrier: a slow run holds one slot.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #records: LaneRecords;
  readonly #reading: SourceReading;
  readonly #end: JobEnd;
  readonly #keeper: ProgressKeeper;
  readonly #watch: LaneWatch;
  readonly #brakes: Brakes;
  readonly #probe: CircuitProbe;
  readonly #gate: StartGate;
  readonly #throttles: ThrottleReport;
  readonly #context: AttemptContext;
  readonly #wakeUp = new WakeUp();
  /** Aborted when the lane has to end. */
  readonly #abort = new AbortController();
  readonly #attempts = new AttemptSignal();
  #stopping = false;
  #over = false;
  /** Records there are so far; only this lane reads more of them. */
  #total: number;
  /** The job was paused or over when the watch was last heeded. */
  #stoodStill: boolean;
  /** The lane gave up for a reason that a second try at once would meet again. */
  brokeOff = false;

  constructor(options: LaneOptions) {
    const { db, lease, flow, log, connectors } = options;
    this.#options = options;
    this.#total = options.job.total;
    setMaxListeners(0, this.#abort.signal);
    this.#brakes = new Brakes(options);
    this.#gate = new StartGate(this.#brakes.circuit);
    this.#throttles = new ThrottleReport(db, lease, connectors, flow);
    this.#watch = new LaneWatch({
      ...options,
      onChange: () => this.#obey(),
      alongside: () => this.#throttles.look(),
    });
    this.#keeper = new ProgressKeeper(db, lease, log);
    this.#context = this.#createContext();
    this.#records = this.#createRecords();
    this.#probe = new CircuitProbe({
      ...options,
      records: this.#records,
      watch: this.#watch,
      onChange: () => this.#wakeUp.ring(),
    });
    this.#reading = this.#createReading();
    this.#end = this.#createEnd();
    this.#stoodStill = !this.#mayRun;
    this.#obey();
  }

  #createRecords(): LaneRecords {
    return new LaneRecords({
      ...this.#options,
      context: this.#context,
      watch: this.#watch,
      brakes: this.#brakes,
      gate: this.#gate,
      isStopping: () => this.#stopping,
      onChange: () => this.#wakeUp.ring(),
    });
  }

  #createContext(): AttemptContext {
    const { db, lease, job, flow, params, connectors, glob, log, observer, trace } = this.#options;
    const state = new JobState(db, lease);
    const attempts = this.#attempts;
    return {
      batchJobId: job.id,
      flow,
      params,
      connectors,
      glob,
      total: () => this.#total,
      get signal() {
        return attempts.signal;
      },
      state: (index) => state.of(index),
      keep: (record, progress) => this.#keeper.keep(record, progress),
      log,
      observer,
      trace,
    };
  }

  #createReading(): SourceReading {
    return new SourceReading({
      ...this.#options,
      onRows: (bad, total) => {
        this.#total = total;
        this.#brakes.budget.noteBadRows(bad);
        this.#tell('failed', bad);
        this.#wakeUp.ring();
      },
      onEnd: (end) => {
        this.brokeOff = end === 'broke_off';
        this.#stopping ||= end !== 'over';
        this.#wakeUp.ring();
      },
    });
  }

  #createEnd(): JobEnd {
    return new JobEnd({
      ...this.#options,
      context: this.#context,
      watch: this.#watch,
      signal: this.#abort.signal,
      isStopping: () => this.#stopping,
      onSettled: (status, count) => this.#tell(status, count),
    });
  }

  /** Runs until the job is finished, the lane is lost, or `stop` is called. Never rejects. */
  async run(): Promise<void> {
    try {
      await recallStarts(this.#options, this.#gate);
      while (!this.#over && !this.#stopping && !this.#watch.lost) await this.#tryStep();
    } finally {
      this.#reading.end();
      await this.#reading.ended;
      await this.#leave();
    }
  }

  /** Ends the lane: nothing starts, what is under way gets `graceMs`, the rest is handed back uncounted. */
  stop(graceMs: number): void {
    this.#stopping = true;
    setTimeout(() => {
      this.#abort.abort();
      this.#attempts.end(this.#abort.signal.reason);
    }, graceMs).unref();
    this.#gate.look();
    this.#wakeUp.ring();
  }

  /** Looks at once for what has changed. */
  wake(): void {
    // A database that cannot be reached is asked again by the watch.
    this.#watch.refresh().catch(() => {});
    this.#wakeUp.ring();
  }

  async #tryStep(): Promise<void> {
    try {
      await this.#step();
    } catch (error) {
      this.#options.log.warn(
        { batchJobId: this.#options.job.id, error: nameOf(error) },
        'a lane could not go on',
      );
      await this.#wakeUp.wait(restMs);
    }
  }

  /** One look at the job, and what follows from it. */
  async #step(): Promise<void> {
    const { status, probeDue } = this.#watch.control;
    if (status === 'paused' && probeDue) return this.#findOut();
    if (status !== 'pending' && status !== 'processing') return this.#standStill(status === 'paused');
    if (this.#brakes.areDue) return this.#heed(await this.#brakes.pull());
    if (this.#reading.holdsCalls || !this.#watch.mayStart) return this.#wakeUp.wait(restMs);
    if (this.#records.suffice) return this.#wakeUp.wait(restMs);
    if (await this.#records.claim(this.#reading.active)) return;
    if (!this.#records.areNone) return this.#rest();
    await this.#records.settled();
    if (!this.#reading.active && (await this.#records.runAlone())) return;
    if (await this.#records.advanceRamp()) return;
    if (await this.#finish()) return;
    await this.#rest();
  }

  /** The job is paused or has ended: nothing starts; if it has ended, what is left is skipped. */
  async #standStill(paused: boolean): Promise<void> {
    this.#records.handBack();
    if (paused) return this.#settleDown();
    this.#reading.end();
    await endIntake(this.#options.db, this.#options.lease, 'stopped');
    if (this.#records.areUnderWay || this.#reading.active) return this.#wakeUp.wait(restMs);
    await this.#records.settled();
    await this.#end.skipPending();
    if (!(await this.#finish())) await this.#wakeUp.wait(restMs);
  }

  #tell(status: RecordStatus, count: number): void {
    if (count > 0) this.#options.observer?.settled(this.#options.job.flow.name, status, count);
  }

  /** A paused lane ends once nothing is under way; whoever sees the job resumed takes it up. */
  async #settleDown(): Promise<void> {
    if (this.#records.areUnderWay || this.#reading.active) return this.#wakeUp.wait(restMs);
    await this.#records.settled();
    await this.#finish();
    this.#over = true;
  }

  /** A statement has brought the job into this status; undefined: it found the job in another one, or not here. */
  async #heed(status: JobStatus | undefined): Promise<void> {
    if (status !== undefined) return this.#watch.note(status);
    await this.#watch.refresh();
    await this.#wakeUp.wait(restMs);
  }

  get #mayRun(): boolean {
    const { status } = this.#watch.control;
    return status === 'pending' || status === 'processing';
  }

  /** The job has been paused because of a connector's trouble, and it is time for one record to try. */
  async #findOut(): Promise<void> {
    const isFree = !this.#probe.isUnderWay && !this.#records.areUnderWay;
    if (!isFree || !this.#watch.mayStart) return this.#wakeUp.wait(restMs);
    this.#brakes.circuit.clear();
    if (await this.#probe.begin()) return;
    if (await this.#mayBecomeDue()) await this.#rest();
    else await this.#probe.close();
  }

  async #mayBecomeDue(): Promise<boolean> {
    return this.#reading.active || (await this.#records.nextDueInMs()) !== undefined;
  }

  async #finish(): Promise<boolean> {
    if (this.#reading.active) return false;
    this.#over = await this.#end.finish();
    return this.#over;
  }

  async #rest(): Promise<void> {
    const due = await this.#records.nextDueInMs();
    await this.#wakeUp.wait(Math.min(restMs, Math.max(due ?? restMs, 1)));
  }

  /** Takes over what the watch has read or been told. */
  #obey(): void {
    const { control } = this.#watch;
    const { concurrency, rate, now, finished } = control;
    this.#records.concurrency = concurrency;
    this.#gate.rate = rate;
    this.#brakes.obey(control);
    if (now) this.#attempts.cutOff();
    if (this.#mayRun && this.#stoodStill) {
      this.#brakes.release();
      this.#attempts.renew();
    }
    if (!this.#mayRun && !this.#stoodStill) this.#brakes.noteLimit(control);
    this.#stoodStill = !this.#mayRun;
    if (finished) this.#over = true;
    if (this.#watch.lost) {
      this.#records.abandon();
      this.#keeper.abandon();
      // Who has the lane makes their calls again: no next step is to be taken beside that.
      this.#attempts.cutOff();
    }
    this.#gate.look();
    this.#wakeUp.ring();
  }

  async #leave(): Promise<void> {
    const { db, lease, log } = this.#options;
    try {
      if (!this.#watch.lost) this.#records.handBack();
      await this.#records.settled();
      await this.#probe.settled();
      await this.#throttles.end();
      if (!this.#watch.lost) await releaseLease(db, lease);
    } catch (error) {
      log.warn({ batchJobId: lease.batchJobId, error: nameOf(error) }, 'a lane could not be given back');
    } finally {
      this.#watch.stop();
    }
  }
}
