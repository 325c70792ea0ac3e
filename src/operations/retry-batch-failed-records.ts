import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { jobStatuses } from '../domain/job.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Database } from '../store/database.ts';
import { findUndone } from '../store/earlier-records.ts';
import type { BatchJob } from '../store/jobs.ts';
import { requeueRecords } from '../store/requeue.ts';
import type { KeyedRetry } from '../store/retry-keys.ts';
import { clearStaged, hasBegun, stageRecords } from '../store/staged-patches.ts';
import { checkConcurrency } from './check-concurrency.ts';
import type { OpenedSluice, OperationContext } from './context.ts';
import { countedStart } from './counted-start.ts';
import { flowFields, flowOutput } from './counts.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { notFoundFields, notFoundOutput } from './not-found.ts';
import { defineOperation } from './operation.ts';
import type { Drafted, RetryPlan, RetryWish } from './plan-retry.ts';
import { refusePurged } from './purged.ts';
import { patchInput, selectInput } from './retry-input.ts';
import { leftOver } from './set-aside.ts';
import { undoneRightNow } from './undo-plan.ts';

const output = z.object({
  batch_job_id: z.string(),
  status: z.enum(jobStatuses),
  wave: z.number().int(),
  selected: z.number().int(),
  patched: z.number().int().optional(),
  left_out: z.number().int().optional().describe('Rows that could not be read: only a patch replaces them'),
  not_found: notFoundOutput.not_found.describe('Named, and no record to choose from has it'),
  concurrency: z.number().int(),
  flow: flowOutput.optional(),
  preview: z
    .array(
      z.object({
        index: z.number().int(),
        id: z.string().optional(),
        before: z.unknown(),
        after: z.unknown(),
      }),
    )
    .optional(),
  next_step: z.string(),
});

export type Output = z.input<typeof output>;

export const retryBatchFailedRecords = defineOperation({
  name: 'retry_batch_failed_records',
  title: 'Retry failed records of a batch job',
  description: [
    'Takes failed records of a finished job through its flow again, at half the concurrency unless told otherwise, and returns at once. Records that then succeed become retried_success, the others retried_failed.',
    '',
    'Use it when the cause is gone, with patch to correct payloads first (preview true shows what it would do), or with statuses ["skipped"] to go on with what was left out. Nothing that succeeded is sent again.',
  ].join('\n'),
  effect: 'run',
  input: z.strictObject({
    batch_job_id: batchJobIdInput,
    select: selectInput.optional().describe('Which records; all conditions must hold'),
    patch: patchInput.optional().describe('What to change in their payloads first; one of:'),
    flow_version: z
      .enum(['same', 'latest'])
      .optional()
      .describe('latest: the flow as it is now; default same'),
    concurrency: z.number().int().min(1).max(1000).optional().describe("Default: half the job's, at least 1"),
    preview: z.boolean().optional().describe('true: only show what would happen'),
  }),
  output,

  async run(context, given) {
    checkConcurrency(context.limits.maxConcurrency, given.concurrency, 'changed');
    const sluice = await context.open();
    return retryJob(context, sluice, await getBatchJob(sluice.db, given.batch_job_id), given);
  },
});

/** What the key of a call is kept with. */
export type AskedOnce = Omit<KeyedRetry, 'answer'>;

/** Retries records of a job as it was read. */
export async function retryJob(
  context: OperationContext,
  sluice: OpenedSluice,
  job: BatchJob,
  wish: RetryWish,
  asked?: AskedOnce,
): Promise<Output> {
  if (job.finishedAt === null) throw notFinished(job);
  refusePurged(job);

  // Patches and conditions need most of the flow language, which few processes do.
  const { planRetry } = await import('./plan-retry.ts');
  const plan = await planRetry(context, sluice.db, job, wish);
  if (wish.preview === true) return preview(sluice.db, job, plan);
  // Its records were counted when they were started.
  return countedStart(context, 1, () => begin(sluice, job, plan, asked));
}

async function preview(db: Database, job: BatchJob, plan: RetryPlan): Promise<Output> {
  const drafted = await plan.draft(async () => {});
  if (drafted.selected === 0 && !goesOn(job, plan)) throw await whyNothing(db, job, drafted);
  return {
    ...answer(job, plan, drafted),
    status: job.status,
    wave: job.wave,
    preview: drafted.samples,
    next_step: `Nothing was sent or changed. The same call without preview does it.`,
  };
}

/** Without a record there may be rows to read on, or an end part to run again: as `requeueRecords` judges. */
function goesOn({ intake, stopReason, counts, setAside, hasEnd, endingFailure }: BatchJob, plan: RetryPlan) {
  const readsOn = intake === 'stopped' && (stopReason !== 'source_broken' || counts.skipped === setAside);
  return (plan.readOn && readsOn) || (plan.mayGoOn && hasEnd && endingFailure !== null);
}

async function begin(
  { db, engine, ensureStandby }: OpenedSluice,
  job: BatchJob,
  plan: RetryPlan,
  asked: AskedOnce | undefined,
): Promise<Output> {
  const retryId = uuidv7();
  try {
    const drafted = await plan.draft((records) => stageRecords(db, retryId, records));
    const requeued = await requeueRecords(db, {
      batchJobId: job.id,
      retryId,
      wave: job.wave,
      selection: plan.selection,
      staged: plan.isStaged,
      renamed: drafted.renamed,
      concurrency: plan.concurrency,
      readOn: plan.readOn,
      endAgain: plan.mayGoOn,
      ordered: job.orderBy !== null,
      repin: plan.repin,
      keyed: asked && { ...asked, answer: answer(job, plan, drafted) },
    });
    if (requeued === 'already_running') throw await undoneMeanwhile(db, job.undoOf ?? job.id);
    const begun = requeued ?? (await begunByLostAnswer(db, job, retryId));
    if (begun === undefined) throw await whyNothing(db, job, drafted);

    engine.wake(job.id);
    await ensureStandby();
    return {
      ...answer(job, plan, { ...drafted, selected: begun.selected }),
      status: 'processing',
      wave: begun.wave,
      next_step: `The retry is not finished. Call get_batch_status {"batch_job_id": "${job.id}", "wait_seconds": 30} until finished is true.`,
    };
  } finally {
    // What stays behind by accident is deleted a day later.
    await clearStaged(db, retryId).catch(() => {});
  }
}

const answer = (job: BatchJob, plan: RetryPlan, drafted: Drafted) => ({
  batch_job_id: job.id,
  selected: drafted.selected,
  ...(plan.isPatching ? { patched: drafted.patched } : {}),
  ...(drafted.unread > 0 ? { left_out: drafted.unread } : {}),
  ...notFoundFields(drafted.notFound),
  concurrency: plan.concurrency,
  ...(plan.repin === undefined ? {} : { flow: flowFields({ flow: plan.repin.flow }) }),
});

function notFinished({ id, status }: BatchJob): SluiceError {
  const next =
    status === 'paused'
      ? `update_batch {"batch_job_id": "${id}", "action": "resume"} lets it go on, "cancel" ends it; what is then skipped can be retried as well.`
      : `Call get_batch_status {"batch_job_id": "${id}", "wait_seconds": 30} until finished is true.`;
  return new SluiceError(
    'batch_job_not_finished',
    `Batch job ${id} is ${status}; failed records can be retried once it has finished. ${next} Nothing was changed.`,
  );
}

/** The statement may have been sent twice because its first answer got lost; then the wave has begun. */
async function begunByLostAnswer(db: Database, job: BatchJob, retryId: string) {
  if (!(await hasBegun(db, retryId))) return undefined;
  const { wave, counts } = await getBatchJob(db, job.id);
  return { wave, selected: counts.pending + counts.processing };
}

async function undoneMeanwhile(db: Database, undoOf: string): Promise<SluiceError> {
  return undoneRightNow(undoOf, (await findUndone(db, undoOf)).underWay);
}

async function whyNothing(db: Database, job: BatchJob, drafted: Drafted): Promise<SluiceError> {
  const current = await getBatchJob(db, job.id);
  if (current.finishedAt === null || current.wave !== job.wave) return notFinished(current);
  const { failed, retried_failed } = current.counts;
  const skipped = leftOver(current);
  const unread =
    drafted.unread === 0
      ? ''
      : ` ${drafted.unread} of them could not be taken from the source as they are: correct them in a file, and name it as patch.source.`;
  const undecided =
    drafted.undecided === 0 ? '' : ` select.where could not be decided for ${drafted.undecided} of them.`;
  const aside =
    current.setAside === 0 ? '' : ` ${current.setAside} more were set aside at the start, and are not sent.`;
  const undone =
    current.undoOf === null
      ? ''
      : ` What another undo of ${current.undoOf} has taken back is left out; undo_batch {"batch_job_id": "${current.undoOf}"} shows what is left.`;
  const advice = skipped === 0 ? '' : ' Skipped records are retried with select {"statuses": ["skipped"]}.';
  return new SluiceError(
    'nothing_to_retry',
    `No record of batch job ${job.id} fits the selection; it has ${failed} failed, ${retried_failed} retried_failed and ${skipped} skipped.${aside}${undone}${unread}${undecided}${unknownNames(drafted)}${advice} Nothing was changed.`,
  );
}

function unknownNames({ notFound }: Drafted): string {
  const names = Object.entries(notFound).map(([kind, list]) => `${kind}: ${list.slice(0, 5).join(', ')}`);
  return names.length === 0 ? '' : ` Not among them: ${names.join('; ')}.`;
}
