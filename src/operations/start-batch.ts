import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { JsonObject } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { codeStepsObstacle } from '../engine/obstacles.ts';
import type { Flow } from '../flows/flow.ts';
import type { Source } from '../sources/source.ts';
import { createJob, type NewJob } from '../store/create-job.ts';
import type { Database } from '../store/database.ts';
import { type BatchJob, findJob, findJobByKey, findSameWork } from '../store/jobs.ts';
import { toBatchBlock } from './batch-options.ts';
import { usingSource } from './batch-source.ts';
import { completeParams } from './check-params.ts';
import type { OpenedSluice, OperationContext } from './context.ts';
import { countedStart } from './counted-start.ts';
import { flowFields, flowOutput, jobFields, jobOutput } from './counts.ts';
import { encodingNote } from './encoding-note.ts';
import { newJob, requestDigestOf, settingsOf } from './new-job.ts';
import { obstacleAdvice } from './obstacle-advice.ts';
import { defineOperation } from './operation.ts';
import { checkShape, type StartInput, startInput } from './start-input.ts';

/** How long a start waits for a file to be read, so that most answers can say the total. */
const readingPatienceMs = 1500;

export const startBatch = defineOperation({
  name: 'start_batch',
  title: 'Start a batch job',
  description: [
    'Starts taking records through a flow and returns at once with batch_job_id. The job is then NOT finished: call get_batch_status with wait_seconds until finished is true.',
    '',
    'Give the rows by reference (source.path) whenever they are in a file; give records only for a few rows made in the conversation.',
    'Every record is tried on its own: one that fails does not stop the others. Starting sends real requests to the target of the flow.',
  ].join('\n'),
  effect: 'run',
  reshape: toBatchBlock,
  input: startInput,
  output: z.object({
    ...jobOutput,
    flow: flowOutput,
    concurrency: z.number().int(),
    replayed: z.boolean().describe('True: an earlier call with the same idempotency_key started it'),
    waiting_for: z.object({ kind: z.literal('approval'), text: z.string() }).optional(),
    earlier_job: z.string().optional().describe('An earlier job took the same records through the same flow'),
    note: z.string().optional(),
    next_step: z.string(),
  }),

  async run(context, given) {
    checkShape(given, context.limits.maxConcurrency);
    return startJob(context, await context.flows.find(given.flow_id), given);
  },
});

/**
 * Starts a job as `start_batch` answers it, whatever names the flow, and however many the records are. `isTextual`:
 * the records come from where there are texts only.
 */
export async function startJob(
  context: OperationContext,
  flow: Flow,
  given: StartInput,
  { isTextual = false }: { readonly isTextual?: boolean } = {},
) {
  const sluice = await context.open();
  const requestDigest = requestDigestOf(flow, given);
  const replayed = await replay(sluice.db, given, requestDigest);
  if (replayed !== undefined) return answer(replayed, true);

  const params = paramsFor(flow, given, context.limits.allowCodeSteps);
  const settings = await settingsOf(context, flow, given);
  return usingSource(context, given.source, async (source) => {
    const job = await newJob(context, flow, given, { ...settings, requestDigest, params, source, isTextual });
    return startNew(context, sluice, given, { ...job, holder: sluice.engine.holder });
  });
}

async function startNew(context: OperationContext, sluice: OpenedSluice, given: StartInput, job: NewJob) {
  const earlier = await findSameWork(sluice.db, job.flow.name, job.sourceDigest);
  const refused = earlier?.finishedAt === null && !job.allowRepeat;
  const creation = refused ? 'already_running' : await create(context, sluice, job);
  if (creation !== 'created') {
    // Another call with the same key may have been faster.
    const raced = await replay(sluice.db, given, job.requestDigest);
    if (raced !== undefined) return answer(raced, true);
    throw alreadyRunning(await findSameWork(sluice.db, job.flow.name, job.sourceDigest));
  }

  // The job is accepted: nothing that follows may hold the answer up, or let it seem to have been refused.
  await Promise.race([
    Promise.all([sluice.engine.adopt(job.id), sluice.ensureStandby()]),
    sleep(readingPatienceMs, undefined, { ref: false }),
  ]);
  const accepted = await onceRead(sluice.db, job.id).catch((error: unknown) => {
    throw error instanceof SluiceError && error.code === 'database_unavailable' ? outOfSight(job.id) : error;
  });
  const remedy = accepted.obstacle === null ? undefined : await obstacleAdvice(context, sluice.db, accepted);
  return answer(accepted, false, { earlier: earlier?.id, remedy });
}

const outOfSight = (batchJobId: string) =>
  new SluiceError(
    'database_unavailable',
    `Batch job ${batchJobId} was accepted and will run, but the database does not answer any more. Do not start it again: call get_batch_status {"batch_job_id": "${batchJobId}"} in a while.`,
  );

function create(context: OperationContext, { db }: OpenedSluice, job: NewJob) {
  // What a source holds is not known yet, so it counts as one.
  const records = job.records?.length ?? 1;
  return countedStart(
    context,
    records,
    () => createJob(db, job),
    (creation) => creation === 'created',
  );
}

/** What the job starts with, unless this process may not start it at all. */
function paramsFor(flow: Flow, given: StartInput, allowCodeSteps: boolean): JsonObject {
  const obstacle = codeStepsObstacle(flow, allowCodeSteps);
  if (obstacle !== null) throw new SluiceError('code_steps_not_allowed', `${obstacle} Nothing was started.`);
  return completeParams(flow, given.params as JsonObject | undefined);
}

/** The job an idempotency key stands for, if it stands for one. */
async function replay(db: Database, given: StartInput, requestDigest: string): Promise<BatchJob | undefined> {
  if (given.idempotency_key === undefined) return undefined;
  const job = await findJobByKey(db, given.idempotency_key);
  if (job === undefined || job.requestDigest === requestDigest) return job;
  throw new SluiceError(
    'idempotency_key_reused',
    `This idempotency_key already started batch job ${job.id} with other arguments. Follow that job, or use another key to start this one. Nothing was started.`,
  );
}

function alreadyRunning(job: BatchJob | undefined): SluiceError {
  const which = job === undefined ? 'A batch job' : `Batch job ${job.id}`;
  return new SluiceError(
    'already_running',
    `${which} is taking the same records through the same flow right now. Follow it with get_batch_status; to run them a second time at once, set allow_repeat: true. Nothing was started.`,
  );
}

/** The job, when its source has been read or the patience for that is over. */
async function onceRead(db: Database, batchJobId: string): Promise<BatchJob> {
  const until = performance.now() + readingPatienceMs;
  for (;;) {
    const job = await findJob(db, batchJobId);
    if (job === undefined)
      throw new SluiceError('batch_job_not_found', `Batch job ${batchJobId} was removed.`);
    const isEnding = job.status === 'failed' && job.finishedAt === null;
    const isRead = job.intake !== 'reading' && !isEnding;
    if (job.status === 'paused' || isRead || performance.now() >= until) return job;
    await sleep(25);
  }
}

interface Circumstances {
  /** A job that took the same records through the same flow. */
  readonly earlier?: string | undefined;
  /** What stands in the way, and what mends it. */
  readonly remedy?: string | undefined;
}

function answer(job: BatchJob, replayed: boolean, { earlier, remedy }: Circumstances = {}) {
  const repeated =
    earlier === undefined ? '' : ` The same records went through this flow before, in batch job ${earlier}.`;
  const note = encodingNote(job.source as Source);
  return {
    ...jobFields(job),
    flow: flowFields(job),
    concurrency: job.concurrency,
    replayed,
    ...(note === undefined ? {} : { note }),
    ...(earlier === undefined ? {} : { earlier_job: earlier }),
    ...(job.pauseKind === 'approval'
      ? { waiting_for: { kind: 'approval' as const, text: approvalAdvice(job) } }
      : {}),
    next_step: nextStep(job, remedy) + repeated,
  };
}

function nextStep(job: BatchJob, remedy: string | undefined): string {
  if (job.pauseKind === 'approval') return approvalAdvice(job);
  if (job.obstacle !== null) return `The job is accepted and waits: ${remedy ?? job.obstacle}`;
  return job.finishedAt === null
    ? `The job is not finished. Call get_batch_status {"batch_job_id": "${job.id}", "wait_seconds": 30} until finished is true.`
    : `Call get_batch_status {"batch_job_id": "${job.id}"} to see the outcome.`;
}

export const approvalAdvice = ({ id }: BatchJob) =>
  `The flow wants a person's word before anything is read or sent. Ask the person to run \`sluice approve ${id}\` at a terminal; then the job goes on by itself. get_batch_status {"batch_job_id": "${id}"} shows when it has begun.`;
