import { z } from 'zod';
import { recordStatuses } from '../domain/record.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { openFileSource, openUploadSource } from '../sources/open-file.ts';
import { type FileSource, type JobSource, type Source, sourceFormats } from '../sources/source.ts';
import { hasEarlierRecords } from '../store/earlier-records.ts';
import type { OperationContext } from './context.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { choiceInput, textInput } from './input-limits.ts';
import { uploadedFile, uploadIdInput } from './uploads.ts';

/** Statuses that a record has once its job has finished. */
const finalStatuses = recordStatuses.filter((status) => status !== 'pending' && status !== 'processing');

/** Where the records of a job come from, by reference. */
export const sourceInput = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .describe('CSV, TSV, NDJSON or JSON file on the machine Sluice runs on'),
    format: z.enum(sourceFormats).optional().describe('Only when the name does not tell'),
    array_path: textInput(500).optional().describe('JSON only: dotted path of the array, such as data.items'),
    upload_id: uploadIdInput.optional().describe('Instead of path: a file sent over HTTP'),
    batch_job_id: batchJobIdInput.optional().describe('Instead of a file: the records of this finished job'),
    statuses: choiceInput(finalStatuses).optional().describe('Of that job; default all'),
  })
  .describe('Where the records are; rows never pass through the conversation');

type SourceInput = z.output<typeof sourceInput>;

/**
 * Finds what a caller names as source and makes sure that reading it can begin.
 *
 * @throws SluiceError for anything wrong with it.
 */
export function openSource(context: OperationContext, given: SourceInput): Promise<Source> {
  const { path, upload_id: upload, batch_job_id: job, statuses } = given;
  const named = [path, upload, job].filter((name) => name !== undefined).length;
  const isOfFile = given.format !== undefined || given.array_path !== undefined;
  if (named !== 1 || (job === undefined ? statuses !== undefined : isOfFile)) {
    throw new SluiceError(
      'invalid_input',
      'source takes either path or upload_id (with format, array_path) or batch_job_id (with statuses), only one of them. Nothing was started.',
    );
  }
  if (job !== undefined) return openJob(context, given, job);
  return openFile(context, given);
}

type FileInput = Pick<SourceInput, 'path' | 'upload_id' | 'format' | 'array_path'>;

/** A file by its path, or one that was sent. @throws SluiceError for anything wrong with it */
export async function openFile(
  context: OperationContext,
  { path, upload_id: upload = '', format, array_path: arrayPath }: FileInput,
): Promise<FileSource> {
  const how = { ...(format && { format }), ...(arrayPath && { arrayPath }) };
  if (path !== undefined) return openFileSource({ path, ...how }, await context.files());
  const { db } = await context.open();
  return openUploadSource({ ...(await uploadedFile(context, db, upload)), ...how });
}

async function openJob(
  context: OperationContext,
  { statuses = finalStatuses }: SourceInput,
  reference: string,
): Promise<JobSource> {
  const { db } = await context.open();
  const job = await getBatchJob(db, reference);
  if (job.finishedAt === null) {
    throw new SluiceError(
      'batch_job_not_finished',
      `Batch job ${job.id} is still ${job.status}; its records can be taken once it has finished. Nothing was started.`,
    );
  }
  if (job.purgedAt !== null) {
    throw new SluiceError(
      'source_not_found',
      `The records of batch job ${job.id} have been deleted because of their age. Nothing was started.`,
    );
  }
  if (job.undoOf !== null) {
    throw new SluiceError(
      'source_invalid',
      `Batch job ${job.id} has taken back what batch job ${job.undoOf} sent, and has no records of its own: give ${job.undoOf}. Nothing was started.`,
    );
  }
  const { id: batchJobId, wave } = job;
  const source: JobSource = { kind: 'job', batchJobId, wave, statuses, as: 'records' };
  if (await hasEarlierRecords(db, source)) return source;
  throw new SluiceError(
    'source_invalid',
    `Batch job ${job.id} has no records that are ${statuses.join(' or ')}. Nothing was started.`,
  );
}

/** The same for two sources of the same rows. */
export const sameRows = (source: Source): unknown =>
  source.kind === 'file' ? [source.fingerprint, source.arrayPath ?? null] : source;

/** Stands for the rows of a source and how they are read; `source` is that of a job, `records` those given inline. */
export const rowsId = (source: object, { records }: { readonly records?: unknown }): unknown =>
  records ?? [sameRows(source as Source), 'format' in source ? source.format : null];
