import type { JobStatus } from '../domain/job.ts';
import { type JobControl, readControl } from '../store/control.ts';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import { type Lease, renewLease } from '../store/leases.ts';

/** How often a lane looks what its job is told to do, in milliseconds. */
const pollMs = 500;

export interface LaneWatchOptions {
  readonly db: Database;
  readonly lease: Lease;
  readonly leaseMs: number;
  /** performance.now() from before the lease was asked for. */
  readonly acquiredAt: number;
  readonly job: BatchJob;
  /** Called when the lease or the control may have changed. */
  readonly onChange: () => void;
  /** Done with each look. */
  readonly alongside: () => Promise<void>;
}

/**
 * Keeps the lease of a lane and knows what the job is told to do.
 *
 * Time is measured from before each renewal was sent, so this process stops starting records before
 * anybody else can take them over. It stands still while the machine sleeps, or the database's clock is put forward: then
 * the first claim, commit or renewal finds the lease gone.
 */
export class LaneWatch {
  readonly #options: LaneWatchOptions;
  #safeUntil: number;
  #renewedAt: number;
  #timer: NodeJS.Timeout | undefined;
  #running = true;
  /** Counts what has been learned of the job: an answer that was asked for before the last does not count. */
  #learned = 0;
  #control: JobControl;
  lost = false;

  constructor(options: LaneWatchOptions) {
    this.#options = options;
    this.#renewedAt = options.acquiredAt;
    this.#safeUntil = options.acquiredAt + options.leaseMs * 0.9;
    this.#control = controlOf(options.job);
    this.#schedule();
  }

  /** False when the lease may have lapsed: nothing may be started. */
  get mayStart(): boolean {
    return !this.lost && performance.now() < this.#safeUntil;
  }

  get control(): JobControl {
    return this.#control;
  }

  /** A statement of the lane has brought the job into this status. */
  note(status: JobStatus): void {
    this.#learned++;
    this.#control = { ...this.#control, status, probeDue: false };
    this.#options.onChange();
  }

  /** Reads what the job is told to do. */
  async refresh(): Promise<void> {
    const learned = ++this.#learned;
    const control = await readControl(this.#options.db, this.#options.lease.batchJobId);
    if (learned !== this.#learned) return;
    if (control === undefined) this.lost = true;
    else this.#control = control;
    this.#options.onChange();
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    const wait = Math.min(pollMs, this.#options.leaseMs / 3);
    if (this.#running) this.#timer = setTimeout(() => void this.#look(), wait);
  }

  /** Never rejects: a database that cannot be reached is asked again. */
  async #look(): Promise<void> {
    try {
      if (performance.now() - this.#renewedAt >= this.#options.leaseMs / 3) await this.#renew();
      await this.refresh();
      await this.#options.alongside();
    } catch {
      // The lease runs out by itself if this lasts.
    }
    this.#options.onChange();
    this.#schedule();
  }

  async #renew(): Promise<void> {
    const { db, lease, leaseMs } = this.#options;
    const askedAt = performance.now();
    if (await renewLease(db, lease, leaseMs)) {
      this.#renewedAt = askedAt;
      this.#safeUntil = askedAt + leaseMs * 0.9;
    } else {
      this.lost = true;
    }
  }
}

/** What a job is told to do, as it was read with the job. */
const controlOf = (job: BatchJob): JobControl => ({
  status: job.status,
  probeDue: job.probeDue,
  probes: job.probes,
  now: false,
  concurrency: job.waveConcurrency,
  rate: job.rate,
  maxFailures: job.maxFailures,
  failuresForgiven: job.failuresForgiven,
  maxFailureRate: job.maxFailureRate,
  finished: false,
});
