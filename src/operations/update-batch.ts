import { z } from 'zod';
import { jobStatuses } from '../domain/job.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { changeLimits, setPaused, stopJob } from '../store/control.ts';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import { countsOutput } from './counts.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { maxFailuresInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';

const actions = ['pause', 'resume', 'cancel'] as const;

export const updateBatch = defineOperation({
  name: 'update_batch',
  title: 'Cancel, pause, resume or adjust a batch job',
  description: [
    'Changes a job that has not finished: cancel (records under way finish, the rest is skipped), pause, resume, another concurrency or max_failures. Takes effect within a second, in whichever process runs the job.',
    '',
    'Use it when the person wants to stop or slow a batch. A cancelled job can go on later: retry_batch_failed_records with statuses ["skipped"].',
  ].join('\n'),
  effect: 'steer',
  input: z.strictObject({
    batch_job_id: batchJobIdInput,
    action: z.enum(actions).optional(),
    concurrency: z.number().int().min(1).max(1000).optional().describe('Records under way at once'),
    max_failures: maxFailuresInput.describe('Stop when this many records have failed'),
  }),
  output: z.object({
    batch_job_id: z.string(),
    status: z.enum(jobStatuses),
    finished: z.boolean(),
    counts: countsOutput,
    concurrency: z.number().int(),
    max_failures: z.number().int().nullable(),
    next_step: z.string(),
  }),

  async run(context, { batch_job_id, action, concurrency, max_failures }) {
    checkChange(context.limits.maxConcurrency, action, concurrency, max_failures);
    const { db, engine, ensureStandby } = await context.open();
    const job = await getBatchJob(db, batch_job_id);
    if (job.finishedAt !== null) throw over(job);
    if (concurrency !== undefined || max_failures !== undefined) {
      if (!(await changeLimits(db, job.id, { concurrency, maxFailures: max_failures }))) throw over(job);
    }
    if (action !== undefined) await act(db, job, action);
    // A resumed job, or the records a cancel leaves behind, may be nobody's at the moment.
    engine.wake(job.id);
    await ensureStandby();

    const changed = await getBatchJob(db, job.id);
    return {
      batch_job_id: changed.id,
      status: changed.status,
      finished: changed.finishedAt !== null,
      counts: changed.counts,
      concurrency: changed.waveConcurrency,
      max_failures: changed.maxFailures,
      next_step: nextStep(changed),
    };
  },
});

function checkChange(
  maxConcurrency: number,
  action: string | undefined,
  concurrency?: number,
  maxFailures?: number,
): void {
  if (action === undefined && concurrency === undefined && maxFailures === undefined) {
    throw new SluiceError(
      'invalid_input',
      `update_batch: give at least one of action (${actions.join(', ')}), concurrency and max_failures. Nothing was changed.`,
    );
  }
  if ((concurrency ?? 1) > maxConcurrency) {
    throw new SluiceError(
      'invalid_input',
      `concurrency: must be from 1 to ${maxConcurrency} (SLUICE_MAX_CONCURRENCY). Nothing was changed.`,
    );
  }
}

async function act(db: Database, job: BatchJob, action: (typeof actions)[number]): Promise<void> {
  if (action === 'cancel') await stopJob(db, job.id, 'cancelled', 'cancelled');
  else await setPaused(db, job.id, action === 'pause');

  // The same wish twice is no error; one that another wish or the end of the job overtook is.
  const { status, finishedAt } = await getBatchJob(db, job.id);
  const granted = {
    cancel: status === 'cancelled',
    pause: status === 'paused',
    resume: status === 'processing' || status === 'pending',
  };
  if (granted[action]) return;
  if (finishedAt !== null) throw over({ ...job, status });
  throw new SluiceError(
    'batch_job_finished',
    `Batch job ${job.id} is ${status}, so it cannot ${action}. Its records under way are finishing; get_batch_status follows them.`,
  );
}

function over(job: Pick<BatchJob, 'id' | 'status'>): SluiceError {
  return new SluiceError(
    'batch_job_finished',
    `Batch job ${job.id} has finished (${job.status}), so there is nothing to change. retry_batch_failed_records takes failed or skipped records up again.`,
  );
}

function nextStep(job: BatchJob): string {
  const id = `"batch_job_id": "${job.id}"`;
  if (job.status === 'paused')
    return `Paused; records under way finish. update_batch {${id}, "action": "resume"} goes on.`;
  if (job.status === 'cancelled' && job.finishedAt === null) {
    return `Records under way finish, the rest is skipped. get_batch_status {${id}, "wait_seconds": 10} shows the end.`;
  }
  return `get_batch_status {${id}, "wait_seconds": 30} follows the job.`;
}
