import { z } from 'zod';
import { type RecordStatus, recordStatuses } from '../domain/record.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Redaction } from '../flows/redaction.ts';
import { type ListedRecord, listRecords as pageOf } from '../store/record-page.ts';
import { roomFor } from './answer-size.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { fitPage, pageTokens } from './fit-page.ts';
import { choiceInput } from './input-limits.ts';
import { jobRedaction } from './job-flow.ts';
import { defineOperation } from './operation.ts';
import { refusePurged } from './purged.ts';
import { errorOf, errorOutput } from './record-error.ts';

const recordOutput = z.object({
  index: z.number().int(),
  id: z.string().optional(),
  status: z.enum(recordStatuses),
  wave: z.number().int(),
  attempts: z.number().int(),
  dead_letter: z.boolean().optional(),
  maybe_applied: z.boolean().optional().describe('The target may have acted on it'),
  settled_at: z.string().optional(),
  payload: z.unknown(),
  result: z.unknown().optional(),
  group_id: z.string().optional(),
  error: errorOutput.optional(),
});

/** Every record of a job, for programs: a conversation is better served by causes and exports. */
export const listRecords = defineOperation({
  name: 'list_records',
  title: 'List the records of a batch job',
  description: 'Lists the records of a job in the order of the input, whatever their status.',
  effect: 'read',
  input: z.strictObject({
    batch_job_id: batchJobIdInput,
    statuses: choiceInput(recordStatuses).optional(),
    limit: z.number().int().min(1).max(100).default(50),
    cursor: z.string().max(40).optional().describe('next_cursor of the answer before'),
  }),
  output: z.object({
    batch_job_id: z.string(),
    total: z.number().int().describe('Records with these statuses'),
    records: z.array(recordOutput),
    next_cursor: z.string().optional().describe('Absent on the last page'),
  }),

  async run(context, { batch_job_id, statuses, limit, cursor }) {
    const after = cursor === undefined ? -1 : readCursor(cursor);
    const { db } = await context.open();
    const job = await getBatchJob(db, batch_job_id);
    refusePurged(job);
    const redaction = await jobRedaction(context, db, job);
    const found = await pageOf(db, job.id, { after, limit: limit + 1, statuses });
    const described = found.slice(0, limit).map((record) => describe(record, redaction));
    const page = fitPage(described, roomFor(context, pageTokens));
    const last = page.at(-1);
    const counted: readonly RecordStatus[] = statuses === undefined ? recordStatuses : [...new Set(statuses)];
    return {
      batch_job_id: job.id,
      total: counted.reduce((sum, status) => sum + job.counts[status], 0),
      records: page,
      ...(last !== undefined && page.length < found.length ? { next_cursor: String(last.index) } : {}),
    };
  },
});

function describe(record: ListedRecord, redaction: Redaction): z.input<typeof recordOutput> {
  const { index, id, status, wave, attempts, deadLetter, payload, result, settledAt } = record;
  return {
    index,
    ...(id === null ? {} : { id: redaction.text(id, payload) }),
    status,
    wave,
    attempts,
    ...(deadLetter ? { dead_letter: true } : {}),
    ...(settledAt === null ? {} : { settled_at: settledAt.toISOString() }),
    payload: redaction.payload(payload),
    ...(result === null ? {} : { result: redaction.within(result, payload) }),
    ...failureFields(record, redaction),
  };
}

function failureFields({ failure, groupId, payload }: ListedRecord, redaction: Redaction) {
  if (failure === null) return {};
  return {
    ...(groupId === null ? {} : { group_id: groupId }),
    ...(failure.maybeApplied === true ? { maybe_applied: true } : {}),
    error: errorOf(redaction.failure(failure, payload)),
  };
}

function readCursor(cursor: string): number {
  if (/^\d{1,9}$/.test(cursor)) return Number(cursor);
  throw new SluiceError(
    'invalid_input',
    'list_records: cursor: not a next_cursor of an earlier answer. Leave it out to begin with the first record.',
  );
}
