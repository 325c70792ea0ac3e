import { type JobControl, readControl } from '../store/control.ts';
import type { Database } from '../store/database.ts';
import { type Lease, renewLease } from '../store/leases.ts';

/** How often a lane looks what its job is told to do, in milliseconds. */
const pollMs = 500;

/**
 * Keeps the lease of a lane and knows what the job is told to do.
 *
 * Time is measured from before each renewal was sent, so this process stops starting records before
 * anybody else can take them over.
 */
export class LaneWatch {
  readonly #db: Database;
  readonly #lease: Lease;
  readonly #leaseMs: number;
  readonly #onChange: () => void;
  #safeUntil: number;
  #renewedAt: number;
  #timer: NodeJS.Timeout | undefined;
  #running = true;
  control: JobControl;
  lost = false;

  constructor(
    db: Database,
    lease: Lease,
    leaseMs: number,
    acquiredAt: number,
    control: JobControl,
    onChange: () => void,
  ) {
    this.#db = db;
    this.#lease = lease;
    this.#leaseMs = leaseMs;
    this.#onChange = onChange;
    this.#renewedAt = acquiredAt;
    this.#safeUntil = acquiredAt + leaseMs * 0.9;
    this.control = control;
    this.#schedule();
  }

  /** False when the lease may have lapsed: nothing may be started. */
  get mayStart(): boolean {
    return !this.lost && performance.now() < this.#safeUntil;
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    const wait = Math.min(pollMs, this.#leaseMs / 3);
    if (this.#running) this.#timer = setTimeout(() => void this.#look(), wait);
  }

  /** Never rejects: a database that cannot be reached is asked again. */
  async #look(): Promise<void> {
    try {
      if (performance.now() - this.#renewedAt >= this.#leaseMs / 3) await this.#renew();
      const control = await readControl(this.#db, this.#lease.batchJobId);
      if (control === undefined) this.lost = true;
      else this.control = control;
    } catch {
      // The lease runs out by itself if this lasts.
    }
    this.#onChange();
    this.#schedule();
  }

  async #renew(): Promise<void> {
    const askedAt = performance.now();
    if (await renewLease(this.#db, this.#lease, this.#leaseMs)) {
      this.#renewedAt = askedAt;
      this.#safeUntil = askedAt + this.#leaseMs * 0.9;
    } else {
      this.lost = true;
    }
  }
}
