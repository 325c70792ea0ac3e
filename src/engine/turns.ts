import PQueue from 'p-queue';
import type { ClaimedRecord } from '../domain/record.ts';
import { cutRuns } from './cut-runs.ts';

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
 * A turn takes whatever run is first among the ready ones, and then the next, until there is none. So there are no more
 * turns than runs at once, however many records wait, and handing records back needs no search in the queue.
 */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #queue: PQueue;
  readonly #turn = () => this.#take();
  /** Runs that have not started. */
  #runs: ClaimedRecord[][] = [];
  /** Records in them. */
  #ready = 0;
  /** Records that wait for others to make a run. */
  #rest: readonly ClaimedRecord[] = [];
  #underWay = 0;
  /** Turns that have begun, or wait to, and will look for a run again. */
  #open = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#queue = new PQueue({ concurrency: options.concurrency });
  }

  /** Records that may start. */
  get ready(): number {
    return this.#ready;
  }

  /** Nothing is here that has not ended. */
  get areNone(): boolean {
    return this.#underWay === 0 && this.#ready === 0 && this.#rest.length === 0;
  }

  /** Runs under way. */
  get underWay(): number {
    return this.#underWay;
  }

  get concurrency(): number {
    return this.#queue.concurrency;
  }

  set concurrency(concurrency: number) {
    if (this.#queue.concurrency === concurrency) return;
    this.#queue.concurrency = concurrency;
    this.#openTurns();
  }

  /** Adds records; with `more` to come, a rest that makes no run waits for them. */
  add(records: readonly ClaimedRecord[], more: boolean): void {
    const { size } = this.#options;
    const { runs, rest } = cutRuns([...this.#rest, ...records], { size, more, waited: this.#rest.length });
    this.#rest = rest;
    for (const run of runs) {
      this.#runs.push(run);
      this.#ready += run.length;
    }
    this.#openTurns();
  }

  /** As many as there are runs for, and may be at once. */
  #openTurns(): void {
    const wanted = Math.min(this.concurrency, this.#open + this.#runs.length);
    for (; this.#open < wanted; this.#open++) void this.#queue.add(this.#turn);
  }

  /** Gives up what has not started. */
  takeBack(): ClaimedRecord[] {
    this.#open -= this.#queue.size;
    this.#queue.clear();
    const records = [...this.#runs.flat(), ...this.#rest];
    this.#runs = [];
    this.#ready = 0;
    this.#rest = [];
    return records;
  }

  /** Resolves when nothing is under way. */
  onIdle(): Promise<void> {
    return this.#queue.onIdle();
  }

  /** Never rejects. */
  async #take(): Promise<void> {
    const { run, onLow } = this.#options;
    for (let records = this.#next(); records !== undefined; records = this.#next()) {
      this.#underWay++;
      await run(records);
      this.#underWay--;
      if (this.#underWay === 0) onLow();
    }
  }

  /** The next run for a turn; undefined: the turn is over, since there is none, or one turn too many. */
  #next(): ClaimedRecord[] | undefined {
    const { lowWater, onLow } = this.#options;
    const records = this.#open > this.concurrency ? undefined : this.#runs.shift();
    if (records === undefined) {
      this.#open--;
      return undefined;
    }
    const before = this.#ready;
    this.#ready -= records.length;
    const low = lowWater();
    if (before > low && this.#ready <= low) onLow();
    return records;
  }
}
