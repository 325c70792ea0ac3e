import { setMaxListeners } from 'node:events';
import PQueue from 'p-queue';
import type { ConnectorRegistry } from '../connectors/registry.ts';
import { failureLimit } from '../domain/job.ts';
import type { ClaimedRecord } from '../domain/record.ts';
import type { Flow } from '../flows/flow.ts';
import { nextDueInMs } from '../store/claims.ts';
import { finishJob, skipPending, stopJob } from '../store/control.ts';
import type { Database } from '../store/database.ts';
import { endIntake } from '../store/intake.ts';
import type { BatchJob } from '../store/jobs.ts';
import { type Lease, releaseLease } from '../store/leases.ts';
import { Claimer, largestWindow, smallestWindow } from './claimer.ts';
import { FailureBudget } from './failure-budget.ts';
import { faultPoint } from './fault-points.ts';
import { LaneWatch } from './lane-watch.ts';
import { type Log, nameOf } from './log.ts';
import { type AttemptContext, processRecord } from './process-record.ts';
import { SourceReading } from './source-reading.ts';
import { WakeUp } from './wake-up.ts';
import { Writer } from './writer.ts';

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
  readonly connectors: ConnectorRegistry;
  readonly maxRecordBytes: number;
  readonly log: Log;
}

/**
 * Works off one job in this process: reads its source, claims due records in windows, runs them at the
 * job's concurrency, and finishes the job.
 *
 * A sliding window, never a chunk barrier: a slow record holds one slot. For flows with outside
 * effects a record starts only while started - committed < 2 x concurrency, so a crash repeats no
 * more calls than that.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #queue: PQueue;
  readonly #reading: SourceReading;
  readonly #writer: Writer;
  readonly #claimer: Claimer;
  readonly #watch: LaneWatch;
  readonly #budget: FailureBudget;
  readonly #context: AttemptContext;
  readonly #wakeUp = new WakeUp();
  readonly #abort = new AbortController();
  /** Claimed and not started, in start order. */
  #ready: ClaimedRecord[] = [];
  #underWay = 0;
  #stopping = false;
  #over = false;
  /** The lane gave up for a reason that a second try at once would meet again. */
  brokeOff = false;

  constructor(options: LaneOptions) {
    const { db, lease, job, flow, connectors, log, leaseMs, acquiredAt } = options;
    this.#options = options;
    setMaxListeners(0, this.#abort.signal);
    const window = flow.hasEffects ? smallestWindow(job.waveConcurrency) : largestWindow;
    this.#claimer = new Claimer(db, lease, window, () => {
      this.#watch.lost = true;
    });
    this.#queue = new PQueue({ concurrency: job.waveConcurrency });
    this.#budget = new FailureBudget(failureLimit(job), job.waveFailed, job.waveTried);
    const control = {
      status: job.status,
      concurrency: job.waveConcurrency,
      maxFailures: job.maxFailures,
      total: job.total,
      finished: false,
    };
    this.#watch = new LaneWatch(db, lease, leaseMs, acquiredAt, control, () => this.#obey());
    this.#context = {
      batchJobId: job.id,
      flow,
      connectors,
      total: () => this.#watch.control.total,
      signal: this.#abort.signal,
      log,
    };
    this.#writer = new Writer({
      db,
      lease,
      log,
      bound: () => (flow.hasEffects ? 2 * this.#queue.concurrency : largestWindow),
      flushAt: () => (flow.hasEffects ? this.#queue.concurrency : largestWindow),
      onCommit: (status) => {
        if (status !== undefined) this.#watch.control = { ...this.#watch.control, status };
        this.#wakeUp.ring();
      },
    });
    const onRows = (bad: number) => {
      this.#budget.noteBadRows(bad);
      this.#wakeUp.ring();
    };
    this.#reading = new SourceReading({
      ...options,
      onRows,
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
    if (this.#ready.length > this.#lowWater) return this.#wakeUp.wait(restMs);
    if (await this.#claim()) return;
    if (this.#underWay > 0 || this.#ready.length > 0) return this.#rest();
    await this.#writer.idle();
    if (this.#budget.exhausted) return this.#stopAtLimit();
    if (!this.#reading.active && (await this.#runAlone())) return;
    if (await this.#finish()) return;
    await this.#rest();
  }

  get #lowWater(): number {
    return Math.max(this.#queue.concurrency, this.#claimer.window >> 2);
  }

  /** The job is paused or has ended: nothing starts; if it has ended, what is left is skipped. */
  async #standStill(paused: boolean): Promise<void> {
    this.#handBack();
    if (paused) return this.#settleDown();
    this.#reading.end();
    await endIntake(this.#options.db, this.#options.lease, 'stopped');
    if (this.#underWay > 0 || this.#reading.active) return this.#wakeUp.wait(restMs);
    await this.#writer.idle();
    while ((await skipPending(this.#options.db, this.#options.job.id)) > 0) faultPoint('in_skip');
    if (!(await this.#finish())) await this.#wakeUp.wait(restMs);
  }

  /** A paused lane ends once nothing is under way; whoever sees the job resumed takes it up. */
  async #settleDown(): Promise<void> {
    if (this.#underWay > 0 || this.#reading.active) return this.#wakeUp.wait(restMs);
    await this.#writer.idle();
    await this.#finish();
    this.#over = true;
  }

  /** Claims a window of due records. False: there are none. */
  async #claim(): Promise<boolean> {
    const claimed = await this.#claimer.claim(this.#budget.allowsFresh, this.#queue.concurrency);
    this.#enqueue(claimed);
    return claimed.length > 0;
  }

  #enqueue(records: readonly ClaimedRecord[]): void {
    this.#ready.push(...records);
    // Each turn takes whatever is first in `ready`, so that handing records back needs no search in the queue.
    for (const _ of records) void this.#queue.add(() => this.#takeTurn());
  }

  /** Never rejects. */
  async #takeTurn(): Promise<void> {
    const record = this.#ready.shift();
    if (record === undefined) return;
    this.#underWay++;
    await this.#writer.admit();
    if (this.#mayStart(record)) {
      const settlement = await processRecord(this.#context, record);
      this.#budget.note(record, settlement);
      this.#writer.add(record, settlement);
    } else {
      this.#writer.add(record, { status: 'pending', uncounted: true });
      this.#claimer.rewind();
    }
    this.#underWay--;
    if (this.#ready.length === this.#lowWater || this.#underWay === 0) this.#wakeUp.ring();
  }

  #mayStart(record: ClaimedRecord): boolean {
    const { status } = this.#watch.control;
    const runs = status === 'pending' || status === 'processing';
    return runs && !this.#stopping && this.#watch.mayStart && this.#budget.allows(record);
  }

  /** Runs one suspect of killing its process with nothing else under way. */
  async #runAlone(): Promise<boolean> {
    const claimed = await this.#claimer.claimAlone();
    if (claimed.length === 0) return false;
    if (!claimed.every((record) => this.#budget.allows(record))) {
      this.#writer.handBack(claimed);
      await this.#writer.idle();
      return false;
    }
    this.#enqueue(claimed);
    await this.#queue.onIdle();
    await this.#writer.idle();
    return true;
  }

  /** The limit was lowered, or rows failed before their first attempt, so no settlement has seen it reached. */
  async #stopAtLimit(): Promise<void> {
    const { db, job } = this.#options;
    await stopJob(db, job.id, 'failed', job.continueOnError ? 'max_failures' : 'first_failure');
    this.#watch.control = { ...this.#watch.control, status: 'failed' };
  }

  async #finish(): Promise<boolean> {
    if (this.#reading.active) return false;
    const status = await finishJob(this.#options.db, this.#options.job.id);
    this.#over = status !== undefined;
    return this.#over;
  }

  async #rest(): Promise<void> {
    const due = await nextDueInMs(this.#options.db, this.#options.job.id);
    await this.#wakeUp.wait(Math.min(restMs, Math.max(due ?? restMs, 1)));
  }

  #handBack(): void {
    const records = this.#ready.splice(0);
    this.#queue.clear();
    this.#writer.handBack(records);
    this.#claimer.rewind();
  }

  /** Takes over what the watch has read. */
  #obey(): void {
    const { concurrency, maxFailures, finished } = this.#watch.control;
    if (this.#queue.concurrency !== concurrency) this.#queue.concurrency = concurrency;
    this.#budget.limit = failureLimit({ ...this.#options.job, maxFailures });
    if (finished) this.#over = true;
    if (this.#watch.lost) this.#writer.abandon();
    this.#wakeUp.ring();
  }

  async #leave(): Promise<void> {
    const { db, lease, log } = this.#options;
    try {
      if (!this.#watch.lost) this.#handBack();
      await this.#queue.onIdle();
      await this.#writer.idle();
      if (!this.#watch.lost) await releaseLease(db, lease);
    } catch (error) {
      log.warn({ batchJobId: lease.batchJobId, error: nameOf(error) }, 'a lane could not be given back');
    } finally {
      this.#watch.stop();
    }
  }
}
