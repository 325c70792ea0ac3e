import type { Settlement } from '../domain/record.ts';

/**
 * The last records of a lane that were settled for good. Too many failed ones among them trip it, from the
 * moment it is full. Rows that failed before their first attempt do not belong to it: they come many at a time.
 */
export class FailureWindow {
  /** Share of failed ones that trips it; null: none does. */
  limit: number | null;
  readonly #size: number;
  /** true: failed. Once it is full, the oldest is at `#next`. */
  #last: boolean[] = [];
  #next = 0;
  #failed = 0;
  #tripped = false;

  constructor(limit: number | null, size: number) {
    this.limit = limit;
    this.#size = size;
  }

  /** Failed ones among the last, when there were too many; it stays so until it is cleared. */
  get tripped(): { readonly failed: number; readonly of: number } | undefined {
    return this.#tripped ? { failed: this.#failed, of: this.#size } : undefined;
  }

  note({ status }: Settlement): void {
    if (this.limit === null || this.#tripped || status === 'pending') return;
    const failed = status === 'failed' || status === 'retried_failed';
    this.#failed += Number(failed) - Number(this.#last[this.#next] ?? false);
    this.#last[this.#next] = failed;
    this.#next = (this.#next + 1) % this.#size;
    this.#tripped = this.#last.length === this.#size && this.#failed >= this.limit * this.#size;
  }

  /** Begins anew, empty. */
  clear(): void {
    this.#last = [];
    this.#next = 0;
    this.#failed = 0;
    this.#tripped = false;
  }
}
