import { z } from 'zod';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { recordStatuses } from '../domain/record.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { takesOperations } from '../flows/operations-flow.ts';
import type { Database } from '../store/database.ts';
import { type FailedRecord, listFailures } from '../store/failures.ts';
import { type BatchJob, findJob } from '../store/jobs.ts';
import { listResults, type RecordResult } from '../store/results.ts';
import { failedNow, processedOf } from './counts.ts';
import { countAtMost } from './input-limits.ts';
import { onceFinished } from './once-finished.ts';
import { defineOperation } from './operation.ts';
import { refusePurged } from './purged.ts';
import { isUuid } from './stored-forms.ts';
import { describeFailure } from './write-error-files.ts';

const finalStatuses = recordStatuses.filter((status) => status !== 'pending' && status !== 'processing');

const outcome = z.object({
  index: z.number().int().describe('Position in the request, from 0'),
  id: z.union([z.string(), z.number()]).nullable().describe('As it was given'),
  status: z.number().int().describe('As HTTP has it: what the target answered, or what stands for it'),
  result: z.unknown().optional(),
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      class: z.string().optional(),
      untrusted_message: z.string().optional(),
      maybe_applied: z.boolean().optional(),
    })
    .optional(),
});

export const getOperations = defineOperation({
  name: 'get_operations',
  title: 'Get a batch of operations',
  description: 'Says how far a batch of operations has come, and what each came to.',
  effect: 'read',
  input: z.strictObject({
    batch_job_id: z.string().min(1).max(100),
    wait_seconds: z.number().min(0).max(50).default(0),
    limit: z.number().int().min(0).max(1000).default(0).describe('Outcomes at most'),
    after: z.number().int().min(-1).max(countAtMost).default(-1).describe('Only those behind this index'),
  }),
  output: z.object({
    batch_job_id: z.string(),
    status: z.enum(['processing', 'completed', 'failed']),
    total: z.number().int(),
    completed: z.number().int().describe('Operations that succeeded'),
    failed: z.number().int(),
    progress: z.number().describe('0 to 1'),
    outcomes: z.array(outcome),
    more_after: z.number().int().optional(),
  }),

  async run(context, { batch_job_id, wait_seconds, limit, after }) {
    const { db, engine } = await context.open();
    const first = await findBatch(db, batch_job_id);
    engine.wake(first.id);
    const look = () => findBatch(db, first.id);
    const job = await onceFinished(first, { ms: wait_seconds * 1000, context, look });
    const outcomes = limit === 0 ? [] : await outcomesOf(db, job, after, limit + 1);
    const last = outcomes[limit - 1];
    return {
      batch_job_id: job.id,
      status: statusOf(job),
      total: job.total,
      completed: job.counts.succeeded + job.counts.retried_success,
      failed: failedNow(job) + job.counts.skipped,
      progress: job.total === 0 ? 0 : Math.floor((processedOf(job) / job.total) * 1000) / 1000,
      outcomes: outcomes.slice(0, limit),
      ...(outcomes.length > limit && last !== undefined ? { more_after: last.index } : {}),
    };
  },
});

async function findBatch(db: Database, id: string): Promise<BatchJob> {
  const job = isUuid(id) ? await findJob(db, id) : undefined;
  if (job !== undefined && takesOperations(job.flow.name)) return job;
  throw new SluiceError('batch_job_not_found', `No batch of operations has the id "${id.slice(0, 60)}".`);
}

/** Some operations that failed leave the batch completed; all of them do not. */
function statusOf(job: BatchJob): 'processing' | 'completed' | 'failed' {
  if (job.finishedAt === null) return 'processing';
  const hasSucceeded = job.counts.succeeded + job.counts.retried_success > 0;
  const wasStopped = job.status === 'failed' || job.status === 'cancelled';
  return wasStopped || !hasSucceeded ? 'failed' : 'completed';
}

async function outcomesOf(db: Database, job: BatchJob, after: number, limit: number) {
  refusePurged(job);
  const records = await listResults(db, job.id, { after, limit, statuses: finalStatuses });
  const failures = await listFailures(db, job.id, { after, limit });
  const byIndex = new Map(failures.map((failure) => [failure.index, failure]));
  return records.map((record) => ({
    index: record.index,
    id: idIn(record.payload),
    ...outcomeOf(record, byIndex.get(record.index)),
  }));
}

function idIn(payload: JsonValue): string | number | null {
  const id = isJsonObject(payload) ? payload.id : undefined;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

function outcomeOf({ result, status }: RecordResult, failed: FailedRecord | undefined) {
  if (failed !== undefined) return { status: answerTo(failed), error: errorOf(failed) };
  if (status === 'skipped') return { status: 424, error: notCarriedOut };
  const answer = isJsonObject(result) ? result : {};
  return typeof answer.status === 'number'
    ? { status: answer.status, result: answer.body ?? null }
    : { status: 200, result };
}

const notCarriedOut = { code: 'not_carried_out', message: 'The batch ended before this operation began.' };

function errorOf(failed: FailedRecord) {
  const { error, ...described } = describeFailure(failed);
  const { step: _, ...said } = error;
  return { ...said, ...(described.maybe_applied === true ? { maybe_applied: true } : {}) };
}

/** What the target answered; without an answer, what a gateway would say in its place. */
function answerTo({ failure }: FailedRecord): number {
  const answered = /^http_(\d{3})$/.exec(failure.code)?.[1];
  if (answered !== undefined) return Number(answered);
  if (failure.code === 'timeout') return 504;
  if (failure.code === 'row_not_found') return 404;
  return byClass[failure.class];
}

const byClass = { transient: 502, interrupted: 502, auth: 403, conflict: 409, data: 422, bug: 500 } as const;
