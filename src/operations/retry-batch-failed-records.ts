import { z } from 'zod';
import { jobStatuses } from '../domain/job.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import { type RetrySelection, requeueRecords } from '../store/requeue.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { countAtMost, textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';

const retryable = ['failed', 'retried_failed', 'skipped'] as const;
const listAtMost = 10_000;

const select = z.strictObject({
  statuses: z
    .array(z.enum(retryable))
    .min(1)
    .optional()
    .describe('Default: failed and retried_failed; skipped goes on with what was never tried'),
  group_ids: z.array(textInput(40)).min(1).max(100).optional().describe('Causes, from error_groups'),
  indexes: z
    .array(z.number().int().min(0).max(countAtMost))
    .min(1)
    .max(listAtMost)
    .optional()
    .describe('Positions in the input, from 0'),
  ids: z
    .array(textInput(200))
    .min(1)
    .max(listAtMost)
    .optional()
    .describe("The records' own ids, when the job has an id_field"),
});

export const retryBatchFailedRecords = defineOperation({
  name: 'retry_batch_failed_records',
  title: 'Retry failed records of a batch job',
  description: [
    'Takes failed records of a finished job through the same flow again, at half the concurrency unless told otherwise, and returns at once. Records that then succeed become retried_success, the others retried_failed.',
    '',
    'Use it when the cause is gone (a target that was down, a secret that was wrong), or with statuses ["skipped"] to go on with what was left out. Nothing that succeeded is sent again.',
  ].join('\n'),
  effect: 'run',
  input: z.strictObject({
    batch_job_id: batchJobIdInput,
    select: select
      .optional()
      .describe('Which records; all conditions must hold. Default: all that finally failed'),
    concurrency: z.number().int().min(1).max(1000).optional().describe("Default: half the job's, at least 1"),
  }),
  output: z.object({
    batch_job_id: z.string(),
    status: z.enum(jobStatuses),
    wave: z.number().int(),
    selected: z.number().int(),
    concurrency: z.number().int(),
    next_step: z.string(),
  }),

  async run(context, given) {
    const { maxConcurrency } = context.limits;
    if ((given.concurrency ?? 1) > maxConcurrency) {
      throw new SluiceError(
        'invalid_input',
        `concurrency: must be from 1 to ${maxConcurrency} (SLUICE_MAX_CONCURRENCY). Nothing was changed.`,
      );
    }
    const sluice = await context.open();
    const job = await getBatchJob(sluice.db, given.batch_job_id);
    if (job.finishedAt === null) throw notFinished(job);

    const concurrency = given.concurrency ?? Math.max(1, Math.floor(job.concurrency / 2));
    const selection = selectionOf(given.select);
    const whole = isWhole(selection);
    const readOn = selection.statuses.includes('skipped') && whole;
    const requeued = await requeueRecords(sluice.db, job.id, job.wave, selection, concurrency, readOn, whole);
    const begun = requeued ?? (await begunByLostAnswer(sluice.db, job));
    if (begun === undefined) throw await whyNothing(sluice.db, job);

    sluice.engine.wake(job.id);
    await sluice.ensureStandby();
    return {
      batch_job_id: job.id,
      status: 'processing' as const,
      wave: begun.wave,
      selected: begun.selected,
      concurrency,
      next_step: `The retry is not finished. Call get_batch_status {"batch_job_id": "${job.id}", "wait_seconds": 30} until finished is true.`,
    };
  },
});

function selectionOf(given: z.output<typeof select> | undefined): RetrySelection {
  return {
    statuses: given?.statuses ?? ['failed', 'retried_failed'],
    groupIds: given?.group_ids,
    indexes: given?.indexes,
    ids: given?.ids,
  };
}

/** Names statuses only, so an intake that was cut short and an end part that failed belong to it as well. */
const isWhole = ({ groupIds, indexes, ids }: RetrySelection) =>
  groupIds === undefined && indexes === undefined && ids === undefined;

function notFinished(job: BatchJob): SluiceError {
  return new SluiceError(
    'batch_job_not_finished',
    `Batch job ${job.id} is still ${job.status}; failed records can be retried once it has finished. Call get_batch_status with wait_seconds until finished is true. Nothing was changed.`,
  );
}

/** The statement may have been sent twice because its first answer got lost; then the wave has begun. */
async function begunByLostAnswer(db: Database, job: BatchJob) {
  const { wave, counts } = await getBatchJob(db, job.id);
  return wave === job.wave + 1 ? { wave, selected: counts.pending + counts.processing } : undefined;
}

async function whyNothing(db: Database, job: BatchJob): Promise<SluiceError> {
  const current = await getBatchJob(db, job.id);
  if (current.finishedAt === null || current.wave !== job.wave) return notFinished(current);
  const { failed, retried_failed, skipped } = current.counts;
  return new SluiceError(
    'nothing_to_retry',
    `No record of batch job ${job.id} fits the selection; it has ${failed} failed, ${retried_failed} retried_failed and ${skipped} skipped. Skipped records are retried with select {"statuses": ["skipped"]}. Nothing was changed.`,
  );
}
