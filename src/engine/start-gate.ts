import { type Passage, RateWindow } from '../connectors/rate-window.ts';
import { parseRate } from '../domain/rate.ts';
import type { Circuit } from './circuit.ts';

/** A wait is looked after at least this often, in milliseconds. */
const lookMs = 60_000;

/** Within this part of a window, and this time in milliseconds, a run is taken to have made its call. */
const preparationPart = 0.15;
const longestPreparationMs = 250;

/** To be called once, when a run that has passed is over. */
export type Ended = () => void;

/** Holds the runs of a lane to the job's rate, and lets few begin while a connector gives trouble. */
export class StartGate {
  readonly #circuit: Circuit;
  #rate: string | null = null;
  #window: RateWindow | undefined;
  #windowMs = 0;
  /** Runs that have passed and not ended. */
  #running = 0;
  #waiting: (() => void)[] = [];
  readonly #end = () => {
    this.#running--;
    this.look();
  };

  constructor(circuit: Circuit) {
    this.#circuit = circuit;
  }

  /** Such as `10/s`; null: as many as can be. */
  set rate(rate: string | null) {
    if (rate === this.#rate) return;
    this.#rate = rate;
    const parsed = rate === null ? undefined : parseRate(rate);
    if (parsed === undefined) this.#window = undefined;
    else if (this.#window === undefined) this.#window = new RateWindow(parsed);
    else this.#window.rate = parsed;
    this.#windowMs = parsed?.windowMs ?? 0;
    this.look();
  }

  /** Counts runs that took place elsewhere; `agesMs`: how long ago they ended, longest first. */
  remember(agesMs: readonly number[]): void {
    const now = performance.now();
    for (const age of agesMs) this.#window?.end(this.#window.enter(), now - age);
  }

  /** Lets a run begin, at once or when it may; undefined as soon as `mayStart` says no. */
  pass(mayStart: () => boolean): Ended | undefined | Promise<Ended | undefined> {
    if (!mayStart()) return undefined;
    const waitMs = this.#waitMs(performance.now());
    return waitMs <= 0 ? this.#begin() : this.#passLater(waitMs, mayStart);
  }

  async #passLater(waitMs: number, mayStart: () => boolean): Promise<Ended | undefined> {
    await this.#wait(waitMs);
    return this.pass(mayStart);
  }

  /** Something may have changed for those who wait. */
  look(): void {
    if (this.#waiting.length === 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #waitMs(now: number): number {
    if (!this.#circuit.allows(this.#running)) return lookMs;
    return this.#window === undefined ? 0 : this.#window.nextAt(now) - now;
  }

  #begin(): Ended {
    this.#running++;
    const window = this.#window;
    if (window === undefined) return this.#end;
    const passage = enter(window, this.#windowMs);
    return () => {
      window.end(passage, performance.now());
      this.#end();
    };
  }

  async #wait(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      timer = setTimeout(resolve, Math.min(Math.ceil(ms), lookMs));
    });
    clearTimeout(timer);
  }
}

/** A run is let in; its first call leaves some time after it began. */
function enter(window: RateWindow, windowMs: number): Passage {
  const passage = window.enter();
  window.leave(passage, performance.now() + Math.min(windowMs * preparationPart, longestPreparationMs));
  return passage;
}
