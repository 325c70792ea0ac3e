import PQueue from 'p-queue';
import type { ClaimedRecord } from '../domain/record.ts';

export interface TurnsOptions {
  /** Runs at once. */
  readonly concurrency: number;
  /** Records in one run, at most. */
  readonly size: number;
  /** Takes records through one run. Never rejects. */
  readonly run: (records: ClaimedRecord[]) => Promise<void>;
  /** As few records as this are ready: it is time for more. */
  readonly lowWater: () => number;
  /** Called when there are as few, and when nothing is under way any more. */
  readonly onLow: () => void;
}

/**
 * The claimed records of a lane, waiting for a turn or in one, in start order.
 *
 * Each turn takes whatever is first among the ready ones, so that handing records back needs no search in
 * the queue.
 */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #queue: PQueue;
  readonly #turn = () => this.#take();
  #ready: ClaimedRecord[] = [];
  /** Place of the first of them that is left. */
  #first = 0;
  /** Turns that have not begun. */
  #waiting = 0;
  #underWay = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#queue = new PQueue({ concurrency: options.concurrency });
  }

  /** Records that have not started. */
  get ready(): number {
    return this.#ready.length - this.#first;
  }

  /** Runs under way. */
  get underWay(): number {
    return this.#underWay;
  }

  get concurrency(): number {
    return this.#queue.concurrency;
  }

  set concurrency(concurrency: number) {
    if (this.#queue.concurrency !== concurrency) this.#queue.concurrency = concurrency;
  }

  /** Adds records; with `more` to come, a rest that fills no run waits for them. */
  add(records: readonly ClaimedRecord[], more: boolean): void {
    this.#ready = [...this.#ready.slice(this.#first), ...records];
    this.#first = 0;
    const runs = this.ready / this.#options.size;
    const missing = (more ? Math.floor(runs) : Math.ceil(runs)) - this.#waiting;
    this.#waiting += Math.max(missing, 0);
    for (let at = 0; at < missing; at++) void this.#queue.add(this.#turn);
  }

  /** Gives up what has not started. */
  takeBack(): ClaimedRecord[] {
    this.#queue.clear();
    this.#waiting = 0;
    const records = this.#ready.slice(this.#first);
    this.#ready = [];
    this.#first = 0;
    return records;
  }

  /** Resolves when nothing is under way. */
  onIdle(): Promise<void> {
    return this.#queue.onIdle();
  }

  /** Never rejects. */
  async #take(): Promise<void> {
    this.#waiting--;
    const { size, run, lowWater, onLow } = this.#options;
    const before = this.ready;
    const records = this.#ready.slice(this.#first, this.#first + size);
    if (records.length === 0) return;
    this.#first += records.length;
    this.#underWay++;
    const low = lowWater();
    if (before > low && this.ready <= low) onLow();
    await run(records);
    this.#underWay--;
    if (this.#underWay === 0) onLow();
  }
}
