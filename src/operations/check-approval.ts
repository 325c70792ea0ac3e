import { SluiceError } from '../domain/sluice-error.ts';
import type { Flow } from '../flows/flow.ts';
import type { BatchJob } from '../store/jobs.ts';

/**
 * A person has agreed to one job of one flow text: neither a job that was cancelled before, nor another text, may
 * be sent on the strength of it. `latest` is the text the job would get, if it would get another one.
 *
 * @throws SluiceError `approval_needed`
 */
export function checkApproval(job: BatchJob, pinned: Flow | undefined, latest: Flow | undefined): void {
  const isOther = latest !== undefined && latest.revision !== job.flow.revision;
  if (isOther && [pinned, latest].some((flow) => flow?.confirm === 'human')) {
    throw needed(
      'A person approves this flow text by text, and the latest is another one than that of the job.',
      job,
    );
  }
  if (pinned?.confirm === 'human' && job.approvedBy === null) {
    throw needed(`Batch job ${job.id} was never approved.`, job);
  }
}

const needed = (why: string, { id }: BatchJob) =>
  new SluiceError(
    'approval_needed',
    `${why} Start a new job, with source {"batch_job_id": "${id}", "statuses": [...]} for records of this one, and ask the person to approve it. Nothing was changed.`,
  );
