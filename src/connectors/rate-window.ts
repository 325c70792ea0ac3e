import type { Rate } from '../domain/rate.ts';

/** Within this part of a window, and this time in milliseconds, a call that has left is taken to have arrived. */
const travelPart = 0.1;
const longestTravelMs = 250;

/** One call that a rate let through. */
export interface Passage {
  /** When it left for the target; undefined: not yet, a connection is made first. */
  leftAt: number | undefined;
  /** It has arrived, and has its place in the window. */
  counted: boolean;
}

/** Calls that are in a window for `forMs` milliseconds from now, at most. */
export interface UsedRate {
  readonly calls: number;
  readonly forMs: number;
}

/**
 * Holds calls to a rate: no window of its length holds more than `count`, wherever it begins, as the target
 * sees them. What counts is when a call arrived, at the latest: when its answer came, or some time after it
 * had left.
 */
export class RateWindow {
  /** Calls of a window; what a process may use of the rate. */
  count = 0;
  #lengthMs = 0;
  #travelMs = 0;
  /** Calls that were let through and may not have arrived. */
  #underWay = 0;
  /** Those of them that have left, in order; some may have arrived since. */
  readonly #travelling: Passage[] = [];
  /** When calls arrived, in order; before `#first` all are out of the window. */
  #arrived: number[] = [];
  #first = 0;

  constructor(rate: Rate) {
    this.rate = rate;
  }

  /** Takes another rate; the calls that are in its window as far as they are known go on counting. */
  set rate({ count, windowMs }: Rate) {
    this.count = count;
    this.#lengthMs = windowMs;
    this.#travelMs = Math.min(windowMs * travelPart, longestTravelMs);
  }

  /**
   * When it is worth asking for another call: now, and then it may be let through, at a later time, or, Infinity, not
   * before one of those under way has left or ended.
   */
  nextAt(now: number): number {
    this.#settle(now);
    const surplus = this.#underWay + this.#arrived.length - this.#first - this.count;
    if (surplus < 0) return now;
    const last = this.count === 0 ? undefined : this.#arrived[this.#first + surplus];
    if (last !== undefined) return last + this.#lengthMs;
    const next = this.#travelling[0]?.leftAt;
    return next === undefined ? Number.POSITIVE_INFINITY : next + this.#travelMs;
  }

  /** Calls in the window at present, and how long the last of them stays in it. */
  used(now: number): UsedRate {
    this.#settle(now);
    const calls = this.#underWay + this.#arrived.length - this.#first;
    const last = this.#underWay > 0 ? now : (this.#arrived.at(-1) ?? now - this.#lengthMs);
    return { calls, forMs: Math.max(last + this.#lengthMs - now, 0) };
  }

  /** Counts calls that somebody else made. */
  remember({ calls, forMs }: UsedRate, now: number): void {
    const at = now + forMs - this.#lengthMs;
    const others = Array.from({ length: calls }, () => at);
    this.#arrived = [...this.#arrived.slice(this.#first), ...others].sort((a, b) => a - b);
    this.#first = 0;
  }

  enter(): Passage {
    this.#underWay += 1;
    return { leftAt: undefined, counted: false };
  }

  leave(passage: Passage, now: number): void {
    passage.leftAt = now;
    this.#travelling.push(passage);
  }

  /** The call is over. One that never left counts as well: somebody was asked for a connection. */
  end(passage: Passage, now: number): void {
    this.#settle(now);
    this.#count(passage, now);
    this.#settle(now);
  }

  #count(passage: Passage, at: number): void {
    if (passage.counted) return;
    passage.counted = true;
    this.#underWay -= 1;
    this.#arrived.push(at);
  }

  /** Counts who must have arrived, and forgets what is out of the window. */
  #settle(now: number): void {
    for (let next = this.#travelling[0]; next?.leftAt !== undefined; next = this.#travelling[0]) {
      const arrivesAt = next.leftAt + this.#travelMs;
      if (!next.counted && arrivesAt > now) break;
      this.#count(next, arrivesAt);
      this.#travelling.shift();
    }
    while ((this.#arrived[this.#first] ?? now) + this.#lengthMs <= now) this.#first += 1;
    if (this.#first < 1_000 || this.#first < this.#arrived.length / 2) return;
    this.#arrived = this.#arrived.slice(this.#first);
    this.#first = 0;
  }
}
