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
  /** Turns that have not begun. */
  #waiting = 0;
  #underWay = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#queue = new PQueue({ concurrency: options.concurrency });
  }

  /** Records that have not started. */
  get ready(): number {
    return this.#ready.length;
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
    for (const record of records) this.#ready.push(record);
    const runs = this.#ready.length / this.#options.size;
    const missing = (more ? Math.floor(runs) : Math.ceil(runs)) - this.#waiting;
    this.#waiting += Math.max(missing, 0);
    for (let at = 0; at < missing; at++) void this.#queue.add(this.#turn);
  }

  /** Gives up what has not started. */
  takeBack(): ClaimedRecord[] {
    this.#queue.clear();
    this.#waiting = 0;
    return this.#ready.splice(0);
  }

  /** Resolves when nothing is under way. */
  onIdle(): Promise<void> {
    return this.#queue.onIdle();
  }

  /** Never rejects. */
  async #take(): Promise<void> {
    this.#waiting--;
    const { size, run, lowWater, onLow } = this.#options;
    const before = this.#ready.length;
    const records = this.#ready.splice(0, size);
    if (records.length === 0) return;
    this.#underWay++;
    const low = lowWater();
    if (before > low && this.#ready.length <= low) onLow();
    await run(records);
    this.#underWay--;
    if (this.#underWay === 0) onLow();
  }
}
