import type { JobStatus } from '../domain/job.ts';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import type { Lease } from '../store/leases.ts';
import { passGate } from '../store/ramp.ts';

/** The slow beginning of a job: its first records, then some more, then all. Only its first wave has one. */
export class RampProgress {
  readonly #db: Database;
  readonly #lease: Lease;
  readonly #ramp: BatchJob['ramp'];
  #stage: number;

  constructor(db: Database, lease: Lease, job: BatchJob) {
    this.#db = db;
    this.#lease = lease;
    this.#ramp = job.wave === 0 ? job.ramp : null;
    this.#stage = job.rampStage;
  }

  /** Fresh records from this index on have to wait; undefined: none has to. */
  get ceiling(): number | undefined {
    return this.#ramp?.steps[this.#stage];
  }

  /**
   * To be called when nothing is under way. Returns the job's status when it has come to its next step, or to
   * a pause; undefined: nothing has changed.
   */
  async advance(): Promise<JobStatus | undefined> {
    const { ceiling } = this;
    if (ceiling === undefined || this.#ramp === null) return undefined;
    const stage = this.#stage;
    const after = this.#ramp.steps[stage + 1];
    const next = after === undefined ? 'all others follow' : `those up to the ${after}th follow`;
    const { maxFailureRate } = this.#ramp;
    const gated = await passGate(this.#db, this.#lease, { stage, ceiling, maxFailureRate, next });
    if (gated === undefined) return undefined;
    this.#stage = gated.stage;
    return gated.stage > stage || gated.status === 'paused' ? gated.status : undefined;
  }
}
