/**
 * The words of Sluice.
 *
 * - flow: what happens to one record; a job is pinned to one revision of it
 * - batch job (job): one run of a flow over many records
 * - record: one item of the input
 * - attempt: one run of the flow over one record
 * - outcome: what an attempt came to: done, broken or interrupted
 * - settlement: the status an outcome leads to, decided by `settle` alone
 * - wave: a pass over records; 0 is the first, each retry of failed records is a new one
 * - lane: a share of a job's concurrency that one process works off
 * - lease: a process' claim on a lane, which lapses unless it is renewed
 */
import type { Failure } from './failure.ts';
import type { JsonValue } from './json.ts';
import type { Progress } from './progress.ts';
import type { RetryPolicy } from './retry-policy.ts';
import { retryDelayMs } from './retry-policy.ts';

export const recordStatuses = [
  'pending',
  'processing',
  'succeeded',
  'failed',
  'retried_success',
  'retried_failed',
  'skipped',
] as const;
export type RecordStatus = (typeof recordStatuses)[number];

/** A record the engine has claimed: nobody else may write its status. */
export interface ClaimedRecord {
  /** Position in the input, from 0. */
  readonly index: number;
  /** The record's own id, when the source has an id field. */
  readonly id: string | null;
  readonly payload: JsonValue;
  /** Counts the patches to the payload, from 0. */
  readonly revision: number;
  /** The claim this record was handed out under; a settlement must name it. */
  readonly claim: number;
  /** Attempts of this wave that have been counted; 0 when the coming one is the first. */
  readonly tries: number;
  /** 0 at first; each retry that brings the failed record back adds 1. */
  readonly wave: number;
  /** It had not been claimed before; false: it came back. */
  readonly isFresh: boolean;
  /** What earlier attempts have left. */
  readonly progress?: Progress | undefined;
}

/** A record with a final status, as the end part of a flow sees it. */
export interface FinishedRecord {
  readonly index: number;
  readonly id: string | null;
  readonly status: RecordStatus;
  readonly payload: JsonValue;
  readonly result: JsonValue;
  /** Sluice's message of a failed record. */
  readonly error: string | null;
}

/** What one attempt at a record came to. */
export type Outcome = Done | Broken | Interrupted;

export interface Done {
  readonly kind: 'done';
  readonly result: JsonValue;
}

/** What one record of a chunk came to. */
export type Share = { readonly result: JsonValue } | { readonly failure: Failure };

export interface Broken {
  readonly kind: 'broken';
  readonly failure: Failure;
  /** What the next attempt need not do again. */
  readonly progress?: Progress | undefined;
  /** Decides about the next attempt instead of the flow's policy: that of a step, which has failed `tries` times before. */
  readonly again?: { readonly policy: RetryPolicy; readonly tries: number } | undefined;
}

export interface Interrupted {
  readonly kind: 'interrupted';
  /** What has to be known of it, although the attempt does not count. */
  readonly failure?: Failure | undefined;
  /** What the next attempt has to know. */
  readonly progress?: Progress | undefined;
}

/**
 * The row a settled attempt leaves behind. Without `progress` a record that waits keeps what it has, and
 * one with a final status keeps none.
 */
export type Settlement =
  | { readonly status: 'succeeded' | 'retried_success'; readonly result: JsonValue }
  | {
      readonly status: 'failed' | 'retried_failed';
      readonly failure: Failure;
      readonly progress?: Progress | undefined;
    }
  | {
      readonly status: 'pending';
      readonly failure: Failure;
      readonly retryInMs: number;
      readonly progress?: Progress | undefined;
    }
  | {
      readonly status: 'pending';
      readonly uncounted: true;
      readonly failure?: Failure | undefined;
      readonly progress?: Progress | undefined;
    };

/**
 * The only place that decides what status follows an attempt.
 *
 * `chance` is a number in [0, 1) that spreads retries when the policy asks for jitter.
 */
export function settle(
  record: Pick<ClaimedRecord, 'tries' | 'wave'>,
  outcome: Outcome,
  policy: RetryPolicy,
  chance: number,
): Settlement {
  if (outcome.kind === 'done') {
    return { status: record.wave > 0 ? 'retried_success' : 'succeeded', result: outcome.result };
  }

  // Work cut off from outside is no failure: the attempt does not count.
  if (outcome.kind === 'interrupted') {
    return { status: 'pending', uncounted: true, failure: outcome.failure, progress: outcome.progress };
  }

  const { failure, again = { policy, tries: record.tries } } = outcome;
  const left = outcome.progress === undefined ? {} : { progress: outcome.progress };
  const tries = again.tries + 1;
  if (failure.class !== 'transient' || tries > again.policy.retries) {
    return { status: record.wave > 0 ? 'retried_failed' : 'failed', failure, ...left };
  }
  const retryInMs = Math.max(retryDelayMs(again.policy, tries, chance), failure.retryAfterMs ?? 0);
  return { status: 'pending', failure, retryInMs, ...left };
}
