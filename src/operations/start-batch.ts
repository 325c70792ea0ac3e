import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { inOrder, type JsonObject, type JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { newRecord, type RowRules } from '../engine/new-record.ts';
import { codeStepsObstacle } from '../engine/obstacles.ts';
import type { Flow } from '../flows/flow.ts';
import { storedKindOf } from '../flows/stored-flow.ts';
import type { Source } from '../sources/source.ts';
import { createJob, type NewJob } from '../store/create-job.ts';
import type { Database } from '../store/database.ts';
import { type BatchJob, findJob, findJobByKey, findSameWork } from '../store/jobs.ts';
import { batchInput, batchOptions, checkOptions, namedFields, toBatchBlock } from './batch-options.ts';
import { rowsId, sameRows, sourceInput, usingSource } from './batch-source.ts';
import { checkCallback } from './callbacks.ts';
import { checkConcurrency } from './check-concurrency.ts';
import { completeParams } from './check-params.ts';
import type { OpenedSluice, OperationContext } from './context.ts';
import { countedStart } from './counted-start.ts';
import { flowFields, flowOutput, jobFields, jobOutput } from './counts.ts';
import { encodingNote } from './encoding-note.ts';
import { textInput } from './input-limits.ts';
import { checkNamedFields } from './named-fields.ts';
import { defineOperation } from './operation.ts';
import { checkPlan } from './plan-digest.ts';

const inlineRecordsAtMost = 1000;
const inlineBytesAtMost = 4 * 1024 * 1024;
/** How long a start waits for a file to be read, so that most answers can say the total. */
const readingPatienceMs = 1500;

export const inlineRecords = z.array(z.record(z.string(), z.json())).min(1).max(inlineRecordsAtMost);

const input = z.strictObject({
  flow_id: textInput(200).describe('Name (customer-import), name@version or uuid; list_flows shows them'),
  records: inlineRecords
    .optional()
    .describe(
      `At most ${inlineRecordsAtMost}. For more, or for rows that are in a file, give source instead`,
    ),
  source: sourceInput.optional(),
  params: z
    .record(z.string(), z.json())
    .optional()
    .describe('Values for the whole job, by name; get_flow shows which the flow takes'),
  concurrency: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe('Records under way at once, 1 to 50; default 5'),
  batch: batchInput.optional(),
  id_field: textInput(200).optional().describe("Field that holds each record's own id"),
  idempotency_key: textInput(200).optional().describe('The same key and arguments never start a second job'),
  label: textInput(200).optional().describe('A name for people'),
  plan_digest: textInput(100).optional().describe('From preview_batch: start only what was looked at then'),
  allow_repeat: z
    .boolean()
    .optional()
    .describe('true: start although the same flow is still running over the same records'),
});

export type StartInput = z.output<typeof input>;
type Input = StartInput;

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
  input,
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

/** Starts a job as `start_batch` answers it, whatever names the flow, and however many the records are. */
export async function startJob(context: OperationContext, flow: Flow, given: Input) {
  const sluice = await context.open();
  const requestDigest = digestOf(requestOf(flow, given));
  const replayed = await replay(sluice.db, given, requestDigest);
  if (replayed !== undefined) return answer(replayed, true, undefined);

  const params = paramsFor(flow, given, context.limits.allowCodeSteps);
  const settings = await settingsOf(context, flow, given);
  return usingSource(context, given.source, async (source) => {
    const job = await newJob(context, flow, given, { ...settings, requestDigest, params, source });
    return startNew(context, sluice, given, { ...job, holder: sluice.engine.holder });
  });
}

async function startNew(context: OperationContext, sluice: OpenedSluice, given: Input, job: NewJob) {
  const earlier = await findSameWork(sluice.db, job.flow.name, job.sourceDigest);
  const refused = earlier?.finishedAt === null && !job.allowRepeat;
  const creation = refused ? 'already_running' : await create(context, sluice, job);
  if (creation !== 'created') {
    // Another call with the same key may have been faster.
    const raced = await replay(sluice.db, given, job.requestDigest);
    if (raced !== undefined) return answer(raced, true, undefined);
    throw alreadyRunning(await findSameWork(sluice.db, job.flow.name, job.sourceDigest));
  }

  // The job is accepted: nothing that follows may hold the answer up or turn it into an error.
  await Promise.race([
    Promise.all([sluice.engine.adopt(job.id), sluice.ensureStandby()]),
    sleep(readingPatienceMs, undefined, { ref: false }),
  ]);
  return answer(await onceRead(sluice.db, job.id), false, earlier?.id);
}

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

/** @throws SluiceError `invalid_input` when the arguments cannot be had together. */
export function checkShape(
  given: Pick<Input, 'records' | 'source' | 'concurrency'>,
  maxConcurrency: number,
): void {
  if ((given.records === undefined) === (given.source === undefined)) {
    throw new SluiceError(
      'invalid_input',
      'Give exactly one of records (inline) and source ({path}). Nothing was started.',
    );
  }
  checkConcurrency(maxConcurrency, given.concurrency, 'started');
  if (given.records !== undefined && JSON.stringify(given.records).length > inlineBytesAtMost) {
    throw new SluiceError(
      'invalid_input',
      'records: more than 4 MB inline. Write them to an NDJSON or CSV file and give source: {path} (over HTTP {upload_id}) instead. Nothing was started.',
    );
  }
}

/** What the job starts with, unless this process may not start it at all. */
function paramsFor(flow: Flow, given: Input, allowCodeSteps: boolean): JsonObject {
  const obstacle = codeStepsObstacle(flow, allowCodeSteps);
  if (obstacle !== null) throw new SluiceError('code_steps_not_allowed', `${obstacle} Nothing was started.`);
  return completeParams(flow, given.params as JsonObject | undefined);
}

/** What has to be the same in a call with the same idempotency key. */
function requestOf(flow: Flow, given: Input) {
  return inOrder({ ...given, flow_id: flow.name, idempotency_key: null } as JsonValue);
}

/** The job an idempotency key stands for, if it stands for one. */
async function replay(db: Database, given: Input, requestDigest: string): Promise<BatchJob | undefined> {
  if (given.idempotency_key === undefined) return undefined;
  const job = await findJobByKey(db, given.idempotency_key);
  if (job === undefined || job.requestDigest === requestDigest) return job;
  throw new SluiceError(
    'idempotency_key_reused',
    `This idempotency_key already started batch job ${job.id} with other arguments. Follow that job, or use another key to start this one. Nothing was started.`,
  );
}

/** What the job goes by besides its records. */
async function settingsOf(context: OperationContext, flow: Flow, given: Input) {
  const idField = given.id_field ?? flow.batch.idField ?? null;
  const options = batchOptions(given.batch, flow);
  checkOptions(options, idField, flow);
  await checkCallback(options.policy, context.readiness);
  return { idField, options };
}

interface Settled extends Awaited<ReturnType<typeof settingsOf>> {
  readonly requestDigest: string;
  readonly params: JsonObject;
  /** undefined: the records are given inline. */
  readonly source: Source | undefined;
}

async function newJob(
  context: OperationContext,
  flow: Flow,
  given: Input,
  { idField, options, requestDigest, params, source: opened }: Settled,
): Promise<Omit<NewJob, 'holder'>> {
  const { leaseMs, maxRecordBytes } = context.limits;
  const rules = { ...options, flow, params, idField, textual: false, maxRecordBytes };
  const named = namedFields(given, idField, options);
  await checkNamedFields(context, named, given.records, opened);
  const { sourceDigest, ...source } = recordsOf(opened, given, rules);
  const concurrency = concurrencyOf(given, flow, context.limits.maxConcurrency);
  checkPlan(given.plan_digest, {
    flow,
    rows: rowsId(source.source, given),
    params,
    idField,
    options,
  });
  const hasParams = Object.keys(params).length > 0;
  return {
    id: uuidv7(),
    flow,
    flowKind: storedKindOf(flow),
    params,
    chunkSize: flow.chunk?.size ?? 1,
    hasEnd: flow.atEnd !== undefined,
    label: given.label ?? null,
    ...source,
    // The same rows with other values are another work.
    sourceDigest: hasParams ? digestOf([sourceDigest, inOrder(params)]) : sourceDigest,
    allowRepeat: given.allow_repeat ?? false,
    idempotencyKey: given.idempotency_key ?? null,
    requestDigest,
    idField,
    ...options,
    planDigest: given.plan_digest ?? null,
    awaitsApproval: flow.confirm === 'human',
    concurrency,
    leaseMs,
  };
}

export const concurrencyOf = (
  { concurrency }: Pick<Input, 'concurrency'>,
  { batch }: Pick<Flow, 'batch'>,
  maxConcurrency: number,
): number => concurrency ?? Math.min(batch.concurrency ?? 5, maxConcurrency);

function recordsOf(source: Source | undefined, { records = [] }: Input, rules: RowRules) {
  if (source !== undefined) return { source, sourceDigest: digestOf(sameRows(source)), records: undefined };
  return {
    source: { kind: 'inline' },
    sourceDigest: digestOf(records),
    records: records.map((payload) => newRecord(payload as JsonValue, rules)),
  };
}

const digestOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');

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
    if (job.status === 'paused' || job.intake !== 'reading' || performance.now() >= until) return job;
    await sleep(25);
  }
}

function answer(job: BatchJob, replayed: boolean, earlier: string | undefined) {
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
    next_step: nextStep(job) + repeated,
  };
}

function nextStep(job: BatchJob): string {
  if (job.pauseKind === 'approval') return approvalAdvice(job);
  if (job.obstacle !== null) return `The job is accepted and waits: ${job.obstacle}`;
  return job.finishedAt === null
    ? `The job is not finished. Call get_batch_status {"batch_job_id": "${job.id}", "wait_seconds": 30} until finished is true.`
    : `Call get_batch_status {"batch_job_id": "${job.id}"} to see the outcome.`;
}

export const approvalAdvice = ({ id }: BatchJob) =>
  `The flow wants a person's word before anything is read or sent. Ask the person to run \`sluice approve ${id}\` at a terminal; then the job goes on by itself. get_batch_status {"batch_job_id": "${id}"} shows when it has begun.`;
