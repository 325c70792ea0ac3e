import type { RecordStatus } from './record.ts';

export const jobStatuses = [
  'pending',
  'processing',
  'paused',
  'completed',
  'completed_with_errors',
  'failed',
  'cancelled',
] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** Why the records that were left became `skipped`. */
export const stopReasons = [
  'max_failures',
  'first_failure',
  'cancelled',
  'source_broken',
  'max_failure_rate',
] as const;
export type StopReason = (typeof stopReasons)[number];

/**
 * Why a job is paused. `caller`: somebody asked for it; `limit`: as many records failed as may fail;
 * `circuit`: a connector gives the same trouble to every call; `ramp`: too many of the first records failed;
 * `approval`: a person has to agree before the job begins.
 */
export const pauseKinds = ['caller', 'limit', 'circuit', 'ramp', 'approval'] as const;
export type PauseKind = (typeof pauseKinds)[number];

/** What follows when as many records have failed as may fail. */
export const limitActions = ['fail', 'pause'] as const;
export type LimitAction = (typeof limitActions)[number];

/** What happens to a row whose id an earlier row of the same job has. */
export const duplicateActions = ['allow', 'skip', 'fail'] as const;
export type DuplicateAction = (typeof duplicateActions)[number];

/** Why a record was set aside at intake: such a record is `skipped`, and nothing is wrong with that. */
export const setAsideReasons = ['unchanged', 'duplicate'] as const;
export type SetAsideReason = (typeof setAsideReasons)[number];

export const recordFailureActions = ['log', 'dead-letter', 'callback'] as const;
export type RecordFailureAction = (typeof recordFailureActions)[number];

/** How a job treats failed records. */
export interface FailurePolicy {
  /** false: the first final failure stops the job. */
  readonly continueOnError: boolean;
  readonly onRecordFailure: RecordFailureAction;
  /** Final failures of one wave after which the job stops; null: no limit. */
  readonly maxFailures: number | null;
  /** Share of failed ones, above 0 to 1, among the last `failureWindow` records that stops the job; default no limit. */
  readonly maxFailureRate?: number | null;
  readonly failureWindow?: number;
  /** Default `fail`. */
  readonly onLimit?: LimitAction;
  /** The connector of type webhook that is told of failures and of the end; default nobody is. */
  readonly callback?: string | null;
}

/** Records over which a failure rate is taken, unless the caller says otherwise. */
export const defaultFailureWindow = 100;

/** A slow beginning: only so many records, then so many, then all, as long as few of them fail. */
export interface Ramp {
  /** Ascending numbers of records, counted from the first of the input. */
  readonly steps: readonly number[];
  /** Share of failed ones among a step's records, 0 to 1, above which the job pauses. */
  readonly maxFailureRate: number;
}

/** How many final failures of a wave stop the job, or null. */
export function failureLimit(policy: Pick<FailurePolicy, 'continueOnError' | 'maxFailures'>): number | null {
  return policy.continueOnError ? policy.maxFailures : 1;
}

export type RecordCounts = Readonly<Record<RecordStatus, number>>;
