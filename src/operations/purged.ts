import { z } from 'zod';
import { SluiceError } from '../domain/sluice-error.ts';
import type { BatchJob } from '../store/jobs.ts';

export const purgedOutput = z.object({ at: z.string(), text: z.string() });

/** That the job's payloads are gone, once they are. */
export function purgedOf({ purgedAt }: BatchJob): z.input<typeof purgedOutput> | undefined {
  if (purgedAt === null) return undefined;
  const text =
    'The job is older than the retention (SLUICE_RETENTION): its payloads, results and attempts have been deleted; counts and causes stay.';
  return { at: purgedAt.toISOString(), text };
}

/**
 * For what needs the payloads or results of a job.
 *
 * @throws SluiceError `batch_job_purged`
 */
export function refusePurged({ id, purgedAt }: BatchJob): void {
  if (purgedAt === null) return;
  throw new SluiceError(
    'batch_job_purged',
    `The payloads and results of batch job ${id} were deleted on ${purgedAt.toISOString().slice(0, 10)}, because it was older than the retention (SLUICE_RETENTION). get_batch_status {"batch_job_id": "${id}"} still has its counts and causes. To send the records again, start a new job with their source. Nothing was changed.`,
  );
}
