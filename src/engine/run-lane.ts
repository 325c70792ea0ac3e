import { setMaxListeners } from 'node:events';
import type { ConnectorRegistry } from '../connectors/registry.ts';
import { failureLimit } from '../domain/job.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Flow, RunContext } from '../flows/flow.ts';
import { nextDueInMs } from '../store/claims.ts';
import { finishJob, skipPending, stopJob } from '../store/control.ts';
import type { Database } from '../store/database.ts';
import { endIntake } from '../store/intake.ts';
import type { BatchJob } from '../store/jobs.ts';
import { type Lease, releaseLease } from '../store/leases.ts';
import { FailureBudget } from './failure-budget.ts';
import { faultPoint } from './fault-points.ts';
import { JobState } from './job-state.ts';
import { LaneRecords } from './lane-records.ts';
import { LaneWatch } from './lane-watch.ts';
import { type Log, nameOf } from './log.ts';
import type { AttemptContext } from './process-record.ts';
import { ProgressKeeper } from './progress-keeper.ts';
import { runEnding } from './run-ending.ts';
import { SourceReading } from './source-reading.ts';
import { WakeUp } from './wake-up.ts';

/** A lane looks for due records and orders at least this often, in milliseconds. */
const restMs = 500;

export interface LaneOptions {
  readonly db: Database;
  readonly lease: Lease;
  /** performance.now() from before the lease was asked for. */
  readonly acquiredAt: number;
  readonly leaseMs: number;
  readonly job: BatchJob;
  readonly flow: Flow;
  /** What the job was started with. */
  readonly params: JsonObject;
  readonly connectors: ConnectorRegistry;
  readonly glob: RunContext['glob'];
  readonly maxRecordBytes: number;
  readonly log: Log;
}

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
  readonly #keeper: ProgressKeeper;
  readonly #watch: LaneWatch;
  readonly #budget: FailureBudget;
  readonly #context: AttemptContext;
  readonly #wakeUp = new WakeUp();
  readonly #abort = new AbortController();
  #stopping = false;
  #over = false;
  /** The lane gave up for a reason that a second try at once would meet again. */
  brokeOff = false;

  constructor(options: LaneOptions) {
    const { db, lease, job, log, leaseMs, acquiredAt } = options;
    this.#options = options;
    setMaxListeners(0, this.#abort.signal);
    this.#budget = new FailureBudget(failureLimit(job), job.waveFailed, job.waveTried);
    const control = {
      status: job.status,
      concurrency: job.waveConcurrency,
      maxFailures: job.maxFailures,
      total: job.total,
      finished: false,
    };
    this.#watch = new LaneWatch(db, lease, leaseMs, acquiredAt, control, () => this.#obey());
    this.#keeper = new ProgressKeeper(db, lease, log);
    this.#context = this.#createContext();
    this.#records = new LaneRecords({
      ...options,
      context: this.#context,
      watch: this.#watch,
      budget: this.#budget,
      isStopping: () => this.#stopping,
      onChange: () => this.#wakeUp.ring(),
    });
    this.#reading = this.#createReading();
  }

  #createContext(): AttemptContext {
    const { db, lease, job, flow, params, connectors, glob, log } = this.#options;
    const state = new JobState(db, lease);
    return {
      batchJobId: job.id,
      flow,
      params,
      connectors,
      glob,
      total: () => this.#watch.control.total,
      signal: this.#abort.signal,
      state: (index) => state.of(index),
      keep: (record, progress) => this.#keeper.keep(record, progress),
      log,
    };
  }

  #createReading(): SourceReading {
    return new SourceReading({
      ...this.#options,
      onRows: (bad) => {
        this.#budget.noteBadRows(bad);
        this.#wakeUp.ring();
      },
      onEnd: (end) => {
        this.brokeOff = end === 'broke_off';
        this.#stopping ||= end !== 'over';
        this.#wakeUp.ring();
      },
    });
  }

  /** Runs until the job is finished, the lane is lost, or `stop` is called. Never rejects. */
  async run(): Promise<void> {
    try {
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
    setTimeout(() => this.#abort.abort(), graceMs).unref();
    this.#wakeUp.ring();
  }

  /** Looks at once for what has changed. */
  wake(): void {
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
    const { status } = this.#watch.control;
    if (status !== 'pending' && status !== 'processing') return this.#standStill(status === 'paused');
    if (this.#reading.holdsCalls || !this.#watch.mayStart) return this.#wakeUp.wait(restMs);
    if (this.#records.suffice) return this.#wakeUp.wait(restMs);
    if (await this.#records.claim(this.#reading.active)) return;
    if (!this.#records.areNone) return this.#rest();
    await this.#records.settled();
    if (this.#budget.exhausted) return this.#stopAtLimit();
    if (!this.#reading.active && (await this.#records.runAlone())) return;
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
    while ((await skipPending(this.#options.db, this.#options.job.id)) > 0) faultPoint('in_skip');
    if (!(await this.#finish())) await this.#wakeUp.wait(restMs);
  }

  /** A paused lane ends once nothing is under way; whoever sees the job resumed takes it up. */
  async #settleDown(): Promise<void> {
    if (this.#records.areUnderWay || this.#reading.active) return this.#wakeUp.wait(restMs);
    await this.#records.settled();
    await this.#finish();
    this.#over = true;
  }

  /** The limit was lowered, or rows failed before their first attempt, so no settlement has seen it reached. */
  async #stopAtLimit(): Promise<void> {
    const { db, job } = this.#options;
    await stopJob(db, job.id, 'failed', job.continueOnError ? 'max_failures' : 'first_failure');
    this.#watch.control = { ...this.#watch.control, status: 'failed' };
  }

  /** Runs the end part, if the flow has one and nothing else is left, and finishes the job. */
  async #finish(): Promise<boolean> {
    if (this.#reading.active) return false;
    if (this.#options.job.hasEnd) await this.#runEnding();
    const status = await finishJob(this.#options.db, this.#options.job.id);
    this.#over = status !== undefined;
    return this.#over;
  }

  #runEnding(): Promise<void> {
    const { db, lease } = this.#options;
    const isLost = () => this.#watch.lost;
    const mayGoOn = () => !this.#stopping && !isLost() && this.#watch.control.status !== 'paused';
    return runEnding({ ...this.#context, db, lease, mayGoOn, isLost });
  }

  async #rest(): Promise<void> {
    const due = await nextDueInMs(this.#options.db, this.#options.job.id);
    await this.#wakeUp.wait(Math.min(restMs, Math.max(due ?? restMs, 1)));
  }

  /** Takes over what the watch has read. */
  #obey(): void {
    const { concurrency, maxFailures, finished } = this.#watch.control;
    this.#records.concurrency = concurrency;
    this.#budget.limit = failureLimit({ ...this.#options.job, maxFailures });
    if (finished) this.#over = true;
    if (this.#watch.lost) {
      this.#records.abandon();
      this.#keeper.abandon();
    }
    this.#wakeUp.ring();
  }

  async #leave(): Promise<void> {
    const { db, lease, log } = this.#options;
    try {
      if (!this.#watch.lost) this.#records.handBack();
      await this.#records.settled();
      if (!this.#watch.lost) await releaseLease(db, lease);
    } catch (error) {
      log.warn({ batchJobId: lease.batchJobId, error: nameOf(error) }, 'a lane could not be given back');
    } finally {
      this.#watch.stop();
    }
  }
}
