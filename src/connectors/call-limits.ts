import type { Rate } from '../domain/rate.ts';
import type { Throttle } from '../domain/throttle.ts';
import { isAborted, watchAbort } from './abort-watch.ts';
import { CallCounter } from './call-counter.ts';
import { complaintIn, LoadLimit } from './load-limit.ts';
import { type Passage, RateWindow, type UsedRate } from './rate-window.ts';

/** What a connector says of the number of its calls. */
export interface DeclaredLimits {
  /** Calls at once; undefined: any number. */
  readonly concurrency?: number;
  readonly rate?: Rate;
  /** false: complaints of the target change nothing. */
  readonly adaptive?: false;
}

/** Which part of the limits is this process': the one at place `at`, from 0, of `of` equal ones; none when `of` is 0. */
export interface Share {
  readonly of: number;
  readonly at: number;
}

/** The turn of a call that counts for a rate. */
interface RatedTurn {
  readonly rate: RateWindow;
  readonly passage: Passage;
}

/** Says when it leaves for the target. Never throws before it has returned its promise. */
type Call<T> = (leaves: () => void) => Promise<T>;

interface Waiting {
  readonly begin: (turn: RatedTurn | undefined) => void;
}

/**
 * Holds the calls of this process to a connector's limits, and to what its target bears. Calls wait for
 * their turn in the order they came.
 */
export class CallLimits {
  #declared: DeclaredLimits;
  #share: Share = { of: 1, at: 0 };
  /** Calls at once by declaration, of this process. */
  #atOnce = Number.POSITIVE_INFINITY;
  #rate: RateWindow | undefined;
  readonly #load = new LoadLimit();
  readonly #counter = new CallCounter();
  readonly #waiting = new Set<Waiting>();
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(declared: DeclaredLimits = {}) {
    this.#declared = declared;
    this.#apply();
  }

  /** Takes other limits; calls under way, and those of the last window, go on counting. */
  declare(declared: DeclaredLimits): void {
    this.#declared = declared;
    this.#apply();
  }

  set share(share: Share) {
    this.#share = share;
    this.#apply();
  }

  /** What this process has used of the rate; undefined: there is no rate. */
  get used(): UsedRate | undefined {
    return this.#rate?.used(performance.now());
  }

  /** Counts calls of another process for the rate. */
  remember(used: UsedRate): void {
    this.#rate?.remember(used, performance.now());
    this.#admit();
  }

  /** What the target, or the calls of other processes, hold the calls back to; undefined: they do not. */
  get throttle(): Omit<Throttle, 'connector'> | undefined {
    const now = performance.now();
    const { atOnce, restUntil } = this.#load;
    const hasNoShare = this.#waiting.size > 0 && (this.#atOnce === 0 || this.#rate?.count === 0);
    if (atOnce === Number.POSITIVE_INFINITY && !hasNoShare) return undefined;
    return {
      concurrency: hasNoShare ? 0 : Math.min(atOnce, this.#atOnce),
      perSecond: this.#counter.perSecond(now),
      restMs: Math.max(0, Math.ceil(restUntil - now)),
    };
  }

  /**
   * Makes a call when its turn has come. The call says when it leaves for the target; for the rate it counts
   * from about then.
   *
   * Rejects with the signal's reason if it aborts before.
   */
  run<T>(call: Call<T>, signal: AbortSignal): Promise<T> {
    if (isAborted(signal)) return Promise.reject(signal.reason);
    const now = performance.now();
    const isNext = this.#waiting.size === 0 && this.#nextAt(now) <= now;
    return isNext ? this.#make(call, this.#enter(), now) : this.#makeLater(call, signal);
  }

  async #makeLater<T>(call: Call<T>, signal: AbortSignal): Promise<T> {
    const turn = await this.#turn(signal);
    return this.#make(call, turn, performance.now());
  }

  /** No async function: this is on the way of every record. */
  #make<T>(call: Call<T>, turn: RatedTurn | undefined, since: number): Promise<T> {
    this.#counter.add(since);
    const answer = call(turn === undefined ? unnoted : () => this.#noteLeaving(turn));
    answer.then(
      () => {
        this.#load.eased();
        this.#leave(turn);
      },
      (error: unknown) => {
        this.#hear(error, since);
        this.#leave(turn);
      },
    );
    return answer;
  }

  #leave(turn: RatedTurn | undefined): void {
    this.#underWay -= 1;
    turn?.rate.end(turn.passage, performance.now());
    if (this.#waiting.size > 0) this.#admit();
  }

  /** When the next call may begin: `now`, a later time, or Infinity until another one ends. */
  #nextAt(now: number): number {
    if (this.#underWay >= this.#atOnce || this.#underWay >= this.#load.atOnce)
      return Number.POSITIVE_INFINITY;
    return Math.max(this.#load.restUntil, this.#rate?.nextAt(now) ?? now);
  }

  #enter(): RatedTurn | undefined {
    this.#underWay += 1;
    return this.#rate && { rate: this.#rate, passage: this.#rate.enter() };
  }

  #turn(signal: AbortSignal): Promise<RatedTurn | undefined> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        begin: (turn) => {
          unwatch();
          resolve(turn);
        },
      };
      const unwatch = watchAbort(signal, () => {
        this.#waiting.delete(waiting);
        if (this.#waiting.size === 0) clearTimeout(this.#timer);
        reject(signal.reason);
      });
      this.#waiting.add(waiting);
      this.#admit();
    });
  }

  /** Lets those begin whose turn it is, and looks again when the next one's comes. */
  #admit(): void {
    clearTimeout(this.#timer);
    for (const waiting of this.#waiting) {
      const now = performance.now();
      const at = this.#nextAt(now);
      if (at > now) {
        if (at < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#admit(), Math.ceil(at - now));
        return;
      }
      this.#waiting.delete(waiting);
      waiting.begin(this.#enter());
    }
  }

  /** The first word counts: with a redirect there are more. */
  #noteLeaving({ rate, passage }: RatedTurn): void {
    if (passage.leftAt !== undefined) return;
    rate.leave(passage, performance.now());
    if (this.#waiting.size > 0) this.#admit();
  }

  #hear(error: unknown, since: number): void {
    const complaint = this.#declared.adaptive === false ? undefined : complaintIn(error);
    if (complaint === 'none') this.#load.eased();
    else if (complaint !== undefined) {
      this.#load.overloaded({ ...complaint, since, underWay: this.#underWay }, performance.now());
    }
  }

  #apply(): void {
    const { concurrency = Number.POSITIVE_INFINITY, rate } = this.#declared;
    this.#atOnce = partOf(concurrency, this.#share);
    if (rate === undefined) this.#rate = undefined;
    else {
      this.#rate ??= new RateWindow(rate);
      this.#rate.rate = { ...rate, count: partOf(rate.count, this.#share) };
    }
    this.#admit();
  }
}

const unnoted = () => {};

/** The first ones get what cannot be shared evenly. */
function partOf(limit: number, { of, at }: Share): number {
  if (of <= 1 || limit === Number.POSITIVE_INFINITY) return of === 0 ? 0 : limit;
  return Math.floor(limit / of) + (at < limit % of ? 1 : 0);
}
