import { failureLimit } from '../domain/job.ts';
import type { ClaimedRecord, Settlement } from '../domain/record.ts';
import type { BatchJob } from '../store/jobs.ts';

/**
 * Keeps one lane from starting records past the job's failure limit.
 *
 * Counts in memory, ahead of the database: a settlement counts from the moment it is decided.
 */
export class FailureBudget {
  #limit: number | null;
  /** Final failures that do not count any more. */
  #forgiven: number;
  /** Final failures of the present wave. */
  #failed: number;
  /** Records tried in the present wave and not finally settled. */
  #tried: number;

  constructor(job: BatchJob) {
    this.#limit = failureLimit(job);
    this.#forgiven = job.failuresForgiven;
    this.#failed = job.waveFailed;
    this.#tried = job.waveTried;
  }

  /** Takes another limit; `forgiven`: final failures of the wave that do not count. */
  allow(limit: number | null, forgiven: number): void {
    this.#limit = limit;
    this.#forgiven = forgiven;
  }

  /** May a record that has not been tried yet start? Not while as many are failing as may fail. */
  get allowsFresh(): boolean {
    return this.#limit === null || this.#counted + this.#tried < this.#limit;
  }

  /** As many records have finally failed as may fail. */
  get exhausted(): boolean {
    return this.#limit !== null && this.#counted >= this.#limit;
  }

  get #counted(): number {
    return this.#failed - this.#forgiven;
  }

  allows(record: ClaimedRecord): boolean {
    if (this.#limit === null) return true;
    return record.tries > 0 ? this.#counted < this.#limit : this.allowsFresh;
  }

  note(record: ClaimedRecord, settlement: Settlement): void {
    if ('uncounted' in settlement) return;
    const waits = settlement.status === 'pending';
    if (waits && record.tries === 0) this.#tried++;
    if (!waits && record.tries > 0) this.#tried--;
    if (settlement.status === 'failed' || settlement.status === 'retried_failed') this.#failed++;
  }

  /** Rows that failed before their first attempt. */
  noteBadRows(count: number): void {
    this.#failed += count;
  }
}
