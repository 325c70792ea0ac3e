import { z } from 'zod';
import { jobStatuses, limitActions } from '../domain/job.ts';
import { isJsonObject } from '../domain/json.ts';
import { parseRate } from '../domain/rate.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { noteEvent } from '../store/job-events.ts';
import type { BatchJob } from '../store/jobs.ts';
import { type JobOrder, steerJob } from '../store/steering.ts';
import { checkConcurrency } from './check-concurrency.ts';
import type { OperationContext } from './context.ts';
import { countsOutput, failedNow } from './counts.ts';
import { droppedInput, giveUpDeadLetters } from './dead-letters.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { failureRateInput, maxFailuresInput, textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';
import { pausedStep } from './paused.ts';
import { leftOver } from './set-aside.ts';

const actions = ['pause', 'resume', 'cancel'] as const;
/** Takes a rate away; null means the same. */
const off = 'off';

const input = z.strictObject({
  batch_job_id: batchJobIdInput,
  action: z.enum(actions).optional(),
  now: z.boolean().optional().describe('With pause and cancel: records under way are cut off'),
  concurrency: z.number().int().min(1).max(1000).optional().describe('Records under way at once'),
  rate: textInput(20)
    .refine((text) => text === off || parseRate(text) !== undefined, 'must be like 10/s or 600/min, or off')
    .optional()
    .describe('Records started at most: 10/s, 600/min, off'),
  max_failures: maxFailuresInput.nullable().describe('Stop when this many records have failed; null: never'),
  max_failure_rate: failureRateInput
    .nullable()
    .describe('Stop at this share of failed ones among the last records; null: never'),
  on_limit: z.enum(limitActions).optional(),
  drop_dead_letters: droppedInput.optional().describe('Give up these dead letters: all, or indexes'),
});

type Change = Omit<z.output<typeof input>, 'batch_job_id' | 'drop_dead_letters'>;

export const updateBatch = defineOperation({
  name: 'update_batch',
  title: 'Cancel, pause, resume or adjust a batch job',
  description: [
    'Changes a job that has not finished: cancel (records under way finish, the rest is skipped), pause, resume, other limits. Takes effect within a second, in whichever process runs the job.',
    '',
    'Use it when the person wants to stop or slow a batch, or to go on with a paused one. A cancelled job can go on later: retry_batch_failed_records with statuses ["skipped"].',
  ].join('\n'),
  effect: 'steer',
  reshape: (given) => (isJsonObject(given) && given.rate === null ? { ...given, rate: off } : given),
  input,
  output: z.object({
    batch_job_id: z.string(),
    status: z.enum(jobStatuses),
    finished: z.boolean(),
    counts: countsOutput,
    concurrency: z.number().int(),
    rate: z.string().optional(),
    max_failures: z.number().int().nullable(),
    max_failure_rate: z.number().optional(),
    on_limit: z.enum(limitActions),
    dropped: z.number().int().optional(),
    next_step: z.string(),
  }),

  async run(context, { batch_job_id, drop_dead_letters, ...change }) {
    if (drop_dead_letters !== undefined) {
      refuseBeside(change);
      return dropOf(context, batch_job_id, drop_dead_letters);
    }
    checkChange(context.limits.maxConcurrency, change);
    const { db, engine, ensureStandby } = await context.open();
    const job = await getBatchJob(db, batch_job_id);
    const isObeyed = await steerJob(db, job.id, orderOf(change), said(change));
    if (!isObeyed) throw refusal(await getBatchJob(db, job.id), change);
    // A resumed job, or the records a cancel leaves behind, may be nobody's at the moment.
    engine.wake(job.id);
    await ensureStandby();
    return describeChanged(await getBatchJob(db, job.id));
  },
});

async function dropOf(context: OperationContext, batchJobId: string, which: z.output<typeof droppedInput>) {
  const { db } = await context.open();
  const { id } = await getBatchJob(db, batchJobId);
  const dropped = await giveUpDeadLetters(db, id, which);
  const said = `${dropped} dead ${dropped === 1 ? 'letter was' : 'letters were'} given up.`;
  if (dropped > 0) await noteEvent(db, id, 'changed', said);
  return {
    ...describeChanged(await getBatchJob(db, id)),
    dropped,
    next_step: 'The records stay failed; export_batch_errors with dead_letters shows what is left.',
  };
}

function refuseBeside(change: Change): void {
  const beside = Object.entries(change).filter(([, value]) => value !== undefined);
  if (beside.length === 0) return;
  throw new SluiceError(
    'invalid_input',
    'drop_dead_letters: goes with no other change; call update_batch once for each. Nothing was changed.',
  );
}

function checkChange(maxConcurrency: number, change: Change): void {
  const given = Object.entries(change).filter(([key, value]) => key !== 'now' && value !== undefined);
  if (given.length === 0) {
    throw new SluiceError(
      'invalid_input',
      `update_batch: give at least one of action (${actions.join(', ')}), concurrency, rate, max_failures, max_failure_rate, on_limit and drop_dead_letters. Nothing was changed.`,
    );
  }
  if (change.now === true && change.action !== 'pause' && change.action !== 'cancel') {
    throw new SluiceError(
      'invalid_input',
      'now: goes with action pause or cancel, and cuts off the records under way. Nothing was changed.',
    );
  }
  checkConcurrency(maxConcurrency, change.concurrency, 'changed');
}

const orderOf = (change: Change): JobOrder => ({
  action: change.action,
  now: change.now,
  concurrency: change.concurrency,
  rate: change.rate === off ? null : change.rate,
  maxFailures: change.max_failures,
  maxFailureRate: change.max_failure_rate,
  onLimit: change.on_limit,
});

function refusal(job: BatchJob, { action }: Change): SluiceError {
  if (job.finishedAt !== null) {
    return new SluiceError(
      'batch_job_finished',
      `Batch job ${job.id} has finished (${job.status}), so there is nothing to change. ${takenUpAgain(job)}Nothing was changed.`,
    );
  }
  if (job.pauseKind === 'approval') {
    return new SluiceError(
      'approval_needed',
      `Batch job ${job.id} waits for a person's approval, which no tool can give. Ask the person to run \`sluice approve ${job.id}\` at a terminal; then it goes on by itself. Nothing was changed.`,
    );
  }
  return new SluiceError(
    'batch_job_finished',
    `Batch job ${job.id} is ${job.status}, so it cannot ${action}. Its records under way are finishing; get_batch_status {"batch_job_id": "${job.id}", "wait_seconds": 30} follows them. Nothing was changed.`,
  );
}

/** The calls that go on with what a finished job has left. */
function takenUpAgain(job: BatchJob): string {
  if (job.purgedAt !== null) return '';
  const call = (more: string) => `retry_batch_failed_records {"batch_job_id": "${job.id}"${more}}`;
  const calls = [
    failedNow(job) > 0 ? `${call('')} takes the failed records up again. ` : '',
    leftOver(job) > 0
      ? `${call(', "select": {"statuses": ["skipped"]}')} goes on with those that were skipped. `
      : '',
  ];
  return calls.join('');
}

/** The wish in the words it was made in. */
function said({ action, ...limits }: Change): string {
  const pairs = Object.entries(limits).filter(([, value]) => value !== undefined);
  const changes = pairs.map(([key, value]) => `${key} ${value}`).join(', ');
  if (action === undefined) return `Changed: ${changes}.`;
  return `Asked for: ${action}${changes === '' ? '' : `, ${changes}`}.`;
}

const describeChanged = (job: BatchJob) => ({
  batch_job_id: job.id,
  status: job.status,
  finished: job.finishedAt !== null,
  counts: job.counts,
  concurrency: job.waveConcurrency,
  ...(job.rate === null ? {} : { rate: job.rate }),
  max_failures: job.maxFailures,
  ...(job.maxFailureRate === null ? {} : { max_failure_rate: job.maxFailureRate }),
  on_limit: job.onLimit,
  next_step: nextStep(job),
});

function nextStep(job: BatchJob): string {
  const id = `"batch_job_id": "${job.id}"`;
  if (job.status === 'paused') return pausedStep(job);
  if (job.status === 'cancelled' && job.finishedAt === null) {
    const underWay = job.cancelNow ? 'are cut off' : 'finish';
    return `Records under way ${underWay}, the rest is skipped. get_batch_status {${id}, "wait_seconds": 10} shows the end.`;
  }
  return `get_batch_status {${id}, "wait_seconds": 30} follows the job.`;
}
