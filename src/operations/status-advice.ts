import type { BatchJob } from '../store/jobs.ts';
import { failedNow } from './counts.ts';
import type { Ending } from './ending.ts';
import { type MaybeApplied, maybeAppliedStep } from './maybe-applied.ts';
import { pausedStep } from './paused.ts';
import { leftOver } from './set-aside.ts';
import type { Waiting } from './waiting.ts';

function brokenStep(job: BatchJob): string | undefined {
  if (job.stopReason !== 'source_broken') return undefined;
  const read = `The file was read up to row ${job.intakePosition} only.`;
  const rest = 'start a new job with the rows behind that';
  if (leftOver(job) === 0) return `${read} Mend it and ${rest}.`;
  return `${read} Either mend it and start a new job with all of it, or let ${retryOfSkipped(job)} go on with the ${leftOver(job)} skipped records and ${rest}; not both, or they are sent twice.`;
}

const retryOfSkipped = ({ id }: BatchJob) =>
  `retry_batch_failed_records {"batch_job_id": "${id}", "select": {"statuses": ["skipped"]}}`;

function failedStep(job: BatchJob): string | undefined {
  if (failedNow(job) === 0) return undefined;
  return `Finished with failures. error_groups names each cause and its remedy; export_batch_errors {"batch_job_id": "${job.id}"} has the records.`;
}

function skippedStep(job: BatchJob): string | undefined {
  if (job.stopReason === 'source_broken') return undefined;
  const skipped = leftOver(job);
  if (skipped === 0 && job.intake !== 'stopped') return undefined;
  const what = skipped === 0 ? 'the rows that were not read' : `the ${skipped} skipped records`;
  return `${retryOfSkipped(job)} goes on with ${what}.`;
}

function endingStep(job: BatchJob, ending: Ending | undefined): string | undefined {
  if (ending?.status !== 'failed') return undefined;
  const reason = `The end part of the flow failed: ${ending.error?.message ?? 'no reason is known'}.`;
  const retry = `retry_batch_failed_records {"batch_job_id": "${job.id}"`;
  const rest = 'runs it again, after the failed records if there are any';
  return ending.error?.class === 'data'
    ? `${reason} Mend the flow (get_flow, save_flow); ${retry}, "flow_version": "latest"} ${rest}, and the same call without flow_version where the cause lay outside.`
    : `${reason} When the cause is gone, ${retry}} ${rest}.`;
}

function cutStep(job: BatchJob, isCut: boolean): string | undefined {
  if (!isCut) return undefined;
  return `Only the beginning of what the end part returned is shown; export_batch_results {"batch_job_id": "${job.id}"} has all of it as ending_file.`;
}

function undoneStep(undone = 0): string | undefined {
  if (undone === 0) return undefined;
  return `${undone} of the records that succeeded have been taken back since; no retry sends them again, only a new start, from which skip_unchanged leaves out what is still there.`;
}

interface Endings {
  readonly ending: Ending | undefined;
  /** Not all that the end part returned is shown. */
  readonly isCut: boolean;
  /** What stands in the way of a job that waits for a connector, and what mends it. */
  readonly remedy?: string | undefined;
  /** Records taken back since. */
  readonly undone?: number | undefined;
  readonly arrived: MaybeApplied | undefined;
}

/** What a caller does next, once the status is known. */
export function nextStep(
  job: BatchJob,
  waiting: Waiting | undefined,
  { ending, isCut, remedy, undone, arrived }: Endings,
): string {
  const id = `"batch_job_id": "${job.id}"`;
  if (job.status === 'paused') return pausedStep(job);
  if (waiting?.kind === 'connector') {
    return `Do not poll: nothing runs until this is mended, and then it goes on by itself. ${remedy ?? waiting.text} To give up: update_batch {${id}, "action": "cancel"}.`;
  }
  if (job.finishedAt === null && ending !== undefined)
    return `Every record is done; the end part of the flow is running. Call get_batch_status {${id}, "wait_seconds": 30} again.`;
  if (job.finishedAt === null)
    return `Not finished. ${slowedStep(job)}Call get_batch_status {${id}, "wait_seconds": 30} again.`;
  if (job.purgedAt !== null) return 'Finished long ago; nothing of it can be exported or retried any more.';
  const all = [
    brokenStep(job),
    failedStep(job),
    skippedStep(job),
    undoneStep(undone),
    maybeAppliedStep(arrived),
    endingStep(job, ending),
  ];
  const steps = all.filter((step) => step !== undefined);
  if (steps.length === 0) steps.push(allWell(job));
  return [...steps, cutStep(job, isCut)].filter((step) => step !== undefined).join(' ');
}

const allWell = ({ setAside }: BatchJob) =>
  setAside === 0
    ? 'Finished; every record succeeded.'
    : 'Finished; every record succeeded, or had not to be sent.';

/** `rate` of the answer is what was measured. */
const slowedStep = ({ rate }: BatchJob) =>
  rate === null ? '' : `It starts ${rate} at most, as was asked for. `;
