import { RecordFailure } from '../domain/failure.ts';
import { answerNotAccepted } from './http.ts';

/** The target may ask for a rest of the whole connector up to this long, in milliseconds. */
const longestRestMs = 60_000;

/** The number that was too much is tried again after so many times the rest it cost, within bounds in milliseconds. */
const patience = 3;
const shortestPatienceMs = 1_000;
const longestPatienceMs = 5_000;

/**
 * Complaints that are so many of the last answers are more than chance: a target that refuses one call in a
 * hundred has a reason of its own for it, and only the record waits.
 */
const shareThatCounts = 0.3;
const answersLookedAt = 10;

/**
 * Calls at once that a target bears: halved when it complains, one more for every round of answers without
 * complaint (additive increase, multiplicative decrease: Chiu and Jain, 1989). The number it complained of
 * last is not tried again at once.
 */
export class LoadLimit {
  /** Infinity as long as the target does not complain. */
  atOnce = Number.POSITIVE_INFINITY;
  /** Nothing is sent before this `performance.now()`. */
  restUntil = 0;
  /** Calls that were under way when the trouble began. */
  #before = 0;
  #cutAt = 0;
  /** The number that was too much, until `#patientUntil`. */
  #tooMuch = 0;
  #patientUntil = 0;
  #answers = 0;
  /** Whether each of the last answers was a complaint. */
  #recent: boolean[] = [];

  /** An answer came, and no complaint. */
  eased(): void {
    this.#note(false);
    if (this.atOnce === Number.POSITIVE_INFINITY) return;
    const now = performance.now();
    if (now < this.restUntil) return;
    this.#answers += 1;
    const mayGrow = this.atOnce + 1 < this.#tooMuch || now >= this.#patientUntil;
    if (this.#answers >= this.atOnce && mayGrow) {
      this.#answers = 0;
      this.atOnce += 1;
    }
    if (this.atOnce >= this.#before) this.atOnce = Number.POSITIVE_INFINITY;
  }

  /** A call that began at `since`, one of `underWay`, met a complaint. */
  overloaded({ restMs, since, underWay }: Complaint, now: number): void {
    this.#note(true);
    const complaints = this.#recent.filter((complaint) => complaint).length;
    if (complaints < this.#recent.length * shareThatCounts) return;
    this.restUntil = Math.max(this.restUntil, now + Math.min(restMs, longestRestMs));
    // Calls from before the last cut say nothing about what came of it.
    const isWell = this.atOnce === Number.POSITIVE_INFINITY;
    if (since < this.#cutAt && !isWell) return;
    if (isWell) this.#before = underWay;
    this.#tooMuch = Math.min(this.atOnce, underWay);
    this.atOnce = Math.max(1, Math.floor(this.#tooMuch / 2));
    const waitMs = Math.min(Math.max(restMs * patience, shortestPatienceMs), longestPatienceMs);
    this.#patientUntil = Math.max(now, this.restUntil) + waitMs;
    this.#cutAt = now;
    this.#answers = 0;
  }

  #note(complaint: boolean): void {
    this.#recent.push(complaint);
    if (this.#recent.length > answersLookedAt) this.#recent.shift();
  }
}

interface Complaint {
  /** For how long the target asked to be left alone, in milliseconds. */
  readonly restMs: number;
  readonly since: number;
  readonly underWay: number;
}

/**
 * What an error says about the load of its target: `none` when it answered and did not complain, undefined
 * when it did not answer or is in other trouble.
 */
export function complaintIn(error: unknown): { readonly restMs: number } | 'none' | undefined {
  if (!(error instanceof RecordFailure)) return undefined;
  const { class: errorClass, code, retryAfterMs } = error.failure;
  const complains = /^(http_429|http_503|database_exhausted)$/.test(code);
  const asksForRest = code === 'tool_error' && retryAfterMs !== undefined;
  const asksForLater = code === answerNotAccepted && errorClass === 'transient';
  if (complains || asksForRest || asksForLater) return { restMs: retryAfterMs ?? 0 };
  return errorClass === 'transient' ? undefined : 'none';
}
