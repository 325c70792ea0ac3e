import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectorRegistry } from '../connectors/registry.ts';
import { RecordFailure } from '../domain/failure.ts';
import type { Flow } from '../flows/flow.ts';
import { setObstacle } from '../store/control.ts';
import { type BatchJob, findJob, readWorkload } from '../store/jobs.ts';
import { acquireLease, type Lease, releaseHolder, releaseLease } from '../store/leases.ts';
import { getPinned, type Pinned } from '../store/pinned.ts';
import { rescueRecords } from '../store/rescue.ts';
import { mostUnderWay } from './commit-bounds.ts';
import { ConnectorBudget } from './connector-budget.ts';
import { Deliverer } from './deliverer.ts';
import type { EngineOptions } from './engine-options.ts';
import { faultPoint } from './fault-points.ts';
import type { LaneOptions } from './lane-options.ts';
import { nameOf } from './log.ts';
import {
  approvalObstacle,
  isEnding,
  obstacleOf,
  type Permissions,
  unreadable,
  windingUp,
} from './obstacles.ts';
import { Retention } from './retention.ts';
import { Lane } from './run-lane.ts';
import { WakeUp } from './wake-up.ts';

/** How often a process with unfinished jobs around looks for ones that nobody holds, in milliseconds. */
const lookMs = 500;

/** What connectors have started gets this long to end with the process, in milliseconds. */
const closingMs = 2000;

/** A job whose lane broke off is left alone for this long, in milliseconds. */
const restMs = 5000;

/**
 * A job that is to try whether its target is back is left for this long to the process that ran it, in
 * milliseconds: that one knows how much the target bears.
 */
const headStartMs = 1500;
/** So many jobs, those that ran last, are known to have run here. */
const jobsRemembered = 1000;

/**
 * The local dispatcher: runs every unfinished job that no live process holds, one lane each, in this
 * process. Sleeps when a look finds nothing unfinished, until it is woken.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #lanes = new Map<string, { lane: Lane; ended: Promise<void> }>();
  readonly #taking = new Map<string, Promise<void>>();
  readonly #adopting = new Set<Promise<void>>();
  /** Jobs whose lane broke off, and when they may be taken again. */
  readonly #restUntil = new Map<string, number>();
  /** Jobs that have run in this process lately. */
  readonly #ran = new Set<string>();
  readonly #wakeUp = new WakeUp();
  readonly #deliverer: Deliverer;
  readonly #retention: Retention | undefined;
  readonly #budget: ConnectorBudget;
  #stopping = false;
  #looking: Promise<void> | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#budget = new ConnectorBudget(options);
    this.#deliverer = new Deliverer({ ...options, waitsMs: options.deliveryWaitsMs });
    this.#retention = options.retention && new Retention({ ...options, rules: options.retention });
  }

  get holder(): string {
    return this.#options.holder;
  }

  /** Jobs this process is running. */
  get running(): number {
    return this.#lanes.size;
  }

  /** Whether this process runs the job. */
  runs(batchJobId: string): boolean {
    return this.#lanes.has(batchJobId);
  }

  /** Looks for work now, and from now on until there is none left. */
  wake(batchJobId?: string): void {
    if (this.#isBystander) return;
    if (batchJobId !== undefined) this.#lanes.get(batchJobId)?.lane.wake();
    this.#looking ??= this.#look();
    this.#wakeUp.ring();
    this.#deliverer.wake();
  }

  get #isBystander(): boolean {
    return this.#options.runsJobs?.() === false;
  }

  /**
   * Runs a job whose lease this process was given when the job was made, or leaves it to others at
   * once. Never rejects: the job is accepted.
   */
  async adopt(batchJobId: string): Promise<void> {
    const adopting = this.#adopt(batchJobId).catch((error: unknown) => {
      this.#warn(error, 'an accepted job could not be taken up at once');
    });
    this.#adopting.add(adopting);
    await adopting;
    this.#adopting.delete(adopting);
    this.wake();
  }

  async #adopt(batchJobId: string): Promise<void> {
    const { db, holder } = this.#options;
    const job = this.#isBystander ? undefined : await findJob(db, batchJobId);
    if (job !== undefined) await this.#tryJob(job);
    if (!this.#lanes.has(batchJobId) && (this.#isBystander || this.#stopping)) {
      await releaseHolder(db, batchJobId, holder);
    }
  }

  /** Ends all lanes within about `graceMs`; what is not finished goes back to the database. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#wakeUp.ring();
    for (const { lane } of this.#lanes.values()) lane.stop(graceMs);
    const lanes = [...this.#lanes.values()].map(({ ended }) => ended);
    const ended = Promise.all([this.#looking, ...this.#adopting, ...this.#taking.values(), ...lanes]);
    await Promise.race([
      Promise.all([ended, this.#deliverer.stop(graceMs), this.#retention?.stop()]),
      sleep(graceMs + 3000, undefined, { ref: false }),
    ]);
    const closed = this.#options.closeConnectors?.().catch((error: unknown) => {
      this.#warn(error, 'connectors could not be closed');
    });
    await Promise.race([closed, sleep(closingMs, undefined, { ref: false })]);
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    while (!this.#stopping) {
      const unfinished = await this.#lookOnce();
      if (unfinished === 0 && this.#lanes.size === 0 && !this.#wakeUp.pending) break;
      await this.#wakeUp.wait(lookMs);
    }
    this.#looking = undefined;
  }

  async #lookOnce(): Promise<number> {
    try {
      const workload = await readWorkload(this.#options.db);
      this.#options.onLook?.(workload);
      for (const job of workload.unheld) await this.#tryJob(job);
      // Records that fail while a job runs may owe callbacks.
      if (workload.owesCallbacks) this.#deliverer.wake();
      this.#retention?.wake();
      return workload.unfinished;
    } catch (error) {
      this.#options.log.warn(
        { error: error instanceof Error ? error.name : 'unknown' },
        'could not look for jobs',
      );
      return -1;
    }
  }

  #warn(error: unknown, message: string): void {
    this.#options.log.warn({ error: nameOf(error) }, message);
  }

  /** Takes a job if this process can run it and nobody else has it. Never rejects: others wait behind it. */
  async #tryJob(job: BatchJob): Promise<void> {
    if (this.#stopping || this.#lanes.has(job.id) || this.#taking.has(job.id)) return;
    if (job.probeDue && !this.#ran.has(job.id) && !this.#restUntil.has(job.id)) {
      this.#restUntil.set(job.id, performance.now() + headStartMs);
    }
    if ((this.#restUntil.get(job.id) ?? 0) > performance.now()) return;
    this.#restUntil.delete(job.id);
    const taking = this.#take(job).catch((error: unknown) => {
      this.#warn(error, 'a job could not be taken');
      this.#restUntil.set(job.id, performance.now() + restMs);
    });
    this.#taking.set(job.id, taking);
    await taking;
    this.#taking.delete(job.id);
  }

  async #take(job: BatchJob): Promise<void> {
    const { db, holder, leaseMs, permissions = nothingAllowed } = this.#options;
    // Nothing of it is even read before a person has agreed.
    if (job.pauseKind === 'approval') return releaseHolder(db, job.id, holder);
    const pinned = await getPinned(db, job.id);
    const compiled = pinned && (await this.#compile(job, pinned));
    const connectors = await this.#options.openConnectors();
    const found = compiled
      ? (approvalObstacle(compiled, job) ?? obstacleOf(compiled, connectors, permissions))
      : unreadable(job, pinned?.kind ?? 'yaml');
    // A job that only has to be wound up can always be taken.
    const [flow, obstacle] =
      found !== null && isEnding(job) ? [windingUp(job, compiled, found), null] : [compiled, found];
    if (obstacle !== job.obstacle) await setObstacle(db, job.id, obstacle);
    // The lease that came with a new job would keep others, and this process, from trying again soon.
    if (flow === undefined || obstacle !== null || this.#stopping) return releaseHolder(db, job.id, holder);

    const acquiredAt = performance.now();
    const lease = await acquireLease(db, job.id, holder, leaseMs);
    if (lease === undefined) return;
    await this.#rescue(job, flow, lease, connectors);
    const { traceJob } = await import('./job-trace.ts');
    // Read again under the lease: what another process did in between counts.
    const current = (await findJob(db, job.id)) ?? job;
    const release = await this.#budget.use(
      flow.connectors.map(({ name }) => name),
      connectors,
    );
    // From here to the entry in the list nothing is awaited, so that stopping misses no lane.
    if (this.#stopping) {
      await release();
      return releaseLease(db, lease);
    }
    const params = pinned?.params ?? {};
    const trace = traceJob(current);
    this.#start({ lease, acquiredAt, job: current, flow, params, connectors, trace }, release);
  }

  #start(
    parts: Pick<LaneOptions, 'lease' | 'acquiredAt' | 'job' | 'flow' | 'params' | 'connectors' | 'trace'>,
    release: () => Promise<void>,
  ): void {
    const { db, leaseMs, maxRecordBytes, log, observer, glob = noFiles } = this.#options;
    const lane = new Lane({ db, leaseMs, maxRecordBytes, log, observer, glob, ...parts });
    const { id } = parts.job;
    const ended = lane.run().finally(async () => {
      parts.trace?.end();
      await release();
      this.#lanes.delete(id);
      if (lane.brokeOff) this.#restUntil.set(id, performance.now() + restMs);
      else this.wake();
    });
    this.#lanes.set(id, { lane, ended });
    this.#remember(id);
  }

  #remember(id: string): void {
    this.#ran.delete(id);
    this.#ran.add(id);
    const [oldest] = this.#ran;
    if (this.#ran.size > jobsRemembered && oldest !== undefined) this.#ran.delete(oldest);
  }

  /** Takes up what an earlier holder left under way. */
  async #rescue(job: BatchJob, flow: Flow, lease: Lease, connectors: ConnectorRegistry): Promise<void> {
    const concurrency = Math.max(job.waveConcurrency, job.peakConcurrency);
    const underWay = mostUnderWay(flow.hasEffects, concurrency, job.chunkSize);
    const leavesLost = flow.connectors.some(({ name }) => connectors.leavesLostAnswers(name));
    faultPoint('in_rescue');
    const count = await rescueRecords(this.#options.db, lease, underWay, flow.hasEffects, leavesLost);
    if (count === 0) return;
    this.#options.observer?.tookOver(count);
    this.#options.log.warn({ batchJobId: job.id, count }, 'took over records of a process that ended');
  }

  async #compile({ flow, undoOf }: BatchJob, { text, kind }: Pinned): Promise<Flow | undefined> {
    const compiled = await this.#options.compile(text, flow.name, kind, flow.revision);
    return undoOf === null ? compiled : compiled?.undo;
  }
}

const nothingAllowed: Permissions = { allowCodeSteps: false, allowedVariables: undefined };

async function noFiles(): Promise<never> {
  const message = 'The flow goes over files, and this process offers it none';
  throw new RecordFailure({ class: 'data', code: 'no_files', message });
}
