import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { SluiceError } from '../domain/sluice-error.ts';
import { codeStepsObstacle } from '../engine/obstacles.ts';
import { storedKindOf } from '../flows/stored-flow.ts';
import { createJob, type NewJob } from '../store/create-job.ts';
import { findUndone } from '../store/earlier-records.ts';
import { type BatchJob, findJob } from '../store/jobs.ts';
import { checkConcurrency } from './check-concurrency.ts';
import type { OpenedSluice, OperationContext } from './context.ts';
import { countedStart } from './counted-start.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { countAtMost, textInput } from './input-limits.ts';
import { notFoundFields, notFoundOutput } from './not-found.ts';
import { defineOperation } from './operation.ts';
import { approvalAdvice } from './start-batch.ts';
import { planUndo, type Undoing, type UndoPlan, undoingOf, undoneRightNow } from './undo-plan.ts';
import { previewUndo, undoPreviewOutput } from './undo-preview.ts';

const listAtMost = 10_000;
/** How long an answer waits for the job to be taken up, in milliseconds. */
const patienceMs = 1500;

const input = z.strictObject({
  batch_job_id: batchJobIdInput,
  select: z
    .strictObject({
      statuses: z
        .array(z.enum(['succeeded', 'retried_success']))
        .min(1)
        .optional(),
      indexes: z.array(z.number().int().min(0).max(countAtMost)).min(1).max(listAtMost).optional(),
      ids: z.array(textInput(200)).min(1).max(listAtMost).optional(),
    })
    .optional()
    .describe('Default: all that succeeded'),
  preview: z.boolean().default(true).describe('false: do it'),
  concurrency: z.number().int().min(1).max(1000).optional(),
});

type Input = z.output<typeof input>;

export const undoBatch = defineOperation({
  name: 'undo_batch',
  title: 'Undo a batch job',
  description: [
    'Takes back what a finished job has sent, with the undo call of its flow for each succeeded record. Shows what it would do unless preview is false; then starts a job of its own and returns at once: follow that one with get_batch_status.',
    '',
    'Use it when an import was wrong. Show the person the preview and go on only with their consent.',
  ].join('\n'),
  effect: 'run',
  input,
  output: z.object({
    undo_of: z.string(),
    records: z.number().int(),
    undone_already: z.number().int().optional(),
    without_result: z.number().int().optional(),
    ...notFoundOutput,
    ...undoPreviewOutput,
    batch_job_id: z.string().optional(),
    next_step: z.string(),
  }),

  async run(context, given) {
    checkConcurrency(context.limits.maxConcurrency, given.concurrency, 'changed');
    const sluice = await context.open();
    const job = await getBatchJob(sluice.db, given.batch_job_id);
    const undoing = await undoingOf(context, sluice.db, job);
    const plan = await planUndo(sluice.db, job, given.select ?? {});
    const { indexes, withoutResult, undoneAlready } = plan;
    const counts = {
      undo_of: job.id,
      records: indexes.length,
      ...(undoneAlready === 0 ? {} : { undone_already: undoneAlready }),
      ...(withoutResult.length === 0 ? {} : { without_result: withoutResult.length }),
      ...notFoundFields(plan.notFound),
    };
    if (given.preview) {
      const shown = await previewUndo(context, sluice.db, undoing, plan);
      return { ...counts, ...shown, next_step: previewStep(job, indexes.length, given) };
    }
    const id = await start(context, sluice, job, undoing, plan, given);
    return {
      ...counts,
      batch_job_id: id,
      next_step: nextStep(await findJob(sluice.db, id), id),
    };
  },
});

function nextStep(undoJob: BatchJob | undefined, id: string): string {
  if (undoJob?.pauseKind === 'approval') return approvalAdvice(undoJob);
  if (undoJob?.obstacle != null) return `The job is accepted and waits: ${undoJob.obstacle}`;
  return `The records are being taken back. Call get_batch_status {"batch_job_id": "${id}", "wait_seconds": 30} until finished is true.`;
}

function previewStep(job: BatchJob, records: number, { select, concurrency }: Input): string {
  const call = {
    batch_job_id: job.id,
    ...(select && { select }),
    ...(concurrency && { concurrency }),
    preview: false,
  };
  const json = JSON.stringify(call);
  const same = json.length <= 500 ? `undo_batch ${json}` : 'The same call with preview: false';
  return `Nothing was sent. ${same} takes ${records === 1 ? 'the record' : `the ${records} records`} back.`;
}

/** Makes the job that takes the records back; returns its id. */
async function start(
  context: OperationContext,
  sluice: OpenedSluice,
  job: BatchJob,
  undoing: Undoing,
  plan: UndoPlan,
  given: Input,
): Promise<string> {
  const { db, engine } = sluice;
  const obstacle = codeStepsObstacle(undoing.undo, context.limits.allowCodeSteps);
  if (obstacle !== null) throw new SluiceError('code_steps_not_allowed', `${obstacle} Nothing was started.`);
  const undoJob = newJob(context, engine.holder, job, undoing, plan, given);
  const creation = await countedStart(
    context,
    1,
    () => createJob(db, undoJob),
    (made) => made === 'created',
  );
  if (creation !== 'created') throw undoneRightNow(job.id, (await findUndone(db, job.id)).underWay);
  // The job is accepted: nothing that follows may hold the answer up or turn it into an error.
  await Promise.race([
    Promise.all([engine.adopt(undoJob.id), sluice.ensureStandby()]),
    sleep(patienceMs, undefined, { ref: false }),
  ]);
  return undoJob.id;
}

function newJob(
  { limits }: OperationContext,
  holder: string,
  job: BatchJob,
  { flow, undo, params }: Undoing,
  { source }: UndoPlan,
  given: Input,
): NewJob {
  const { maxConcurrency, leaseMs } = limits;
  const digest = createHash('sha256')
    .update(JSON.stringify(['undo', job.id]))
    .digest('hex');
  return {
    id: uuidv7(),
    flow,
    flowKind: storedKindOf(flow),
    params,
    label: `undo of ${job.label ?? job.id}`.slice(0, 200),
    source,
    // The same for every selection: two undos of one job would be in each other's way.
    sourceDigest: digest,
    requestDigest: digest,
    allowRepeat: false,
    idempotencyKey: null,
    // The records bring their own ids along.
    idField: null,
    policy: { continueOnError: true, onRecordFailure: undo.afterFailure, maxFailures: null },
    rate: undo.batch.rate ?? null,
    awaitsApproval: flow.confirm === 'human',
    undoOf: job.id,
    concurrency: given.concurrency ?? Math.min(job.concurrency, maxConcurrency),
    records: undefined,
    holder,
    leaseMs,
  };
}
