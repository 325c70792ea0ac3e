import type { ClaimedRecord, Settlement } from '../domain/record.ts';

/**
 * Keeps one lane from starting records past the job's failure limit.
 *
 * Counts in memory, ahead of the database: a settlement counts from the moment it is decided.
 */
export class FailureBudget {
  #limit: number | null;
  /** Final failures of the present wave. */
  #failed: number;
  /** Records tried in the present wave and not finally settled. */
  #tried: number;

  constructor(limit: number | null, failed: number, tried: number) {
    this.#limit = limit;
    this.#failed = failed;
    this.#tried = tried;
  }

  set limit(limit: number | null) {
    this.#limit = limit;
  }

  /** May a record that has not been tried yet start? Not while as many are failing as may fail. */
  get allowsFresh(): boolean {
    return this.#limit === null || this.#failed + this.#tried < this.#limit;
  }

  /** As many records have finally failed as may fail. */
  get exhausted(): boolean {
    return this.#limit !== null && this.#failed >= this.#limit;
  }

  allows(record: ClaimedRecord): boolean {
    if (this.#limit === null) return true;
    return record.tries > 0 ? this.#failed < this.#limit : this.allowsFresh;
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
