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
export const stopReasons = ['max_failures', 'first_failure', 'cancelled', 'source_broken'] as const;
export type StopReason = (typeof stopReasons)[number];

export const recordFailureActions = ['log', 'dead-letter', 'callback'] as const;
export type RecordFailureAction = (typeof recordFailureActions)[number];

/** How a job treats failed records. */
export interface FailurePolicy {
  /** false: the first final failure stops the job. */
  readonly continueOnError: boolean;
  readonly onRecordFailure: RecordFailureAction;
  /** Final failures of one wave after which the job stops; null: no limit. */
  readonly maxFailures: number | null;
}

/** How many final failures of a wave stop the job, or null. */
export function failureLimit(policy: FailurePolicy): number | null {
  return policy.continueOnError ? policy.maxFailures : 1;
}

export type RecordCounts = Readonly<Record<RecordStatus, number>>;
