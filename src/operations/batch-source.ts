import { z } from 'zod';
import { recordStatuses } from '../domain/record.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { openFileSource, openUploadSource } from '../sources/open-file.ts';
import { type FileSource, type JobSource, type Source, sourceFormats } from '../sources/source.ts';
import { hasEarlierRecords } from '../store/earlier-records.ts';
import type { OperationContext } from './context.ts';
import { fetchUpload } from './fetch-upload.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { choiceInput, textInput } from './input-limits.ts';
import { dropUpload, uploadedFile, uploadIdInput } from './uploads.ts';

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
      .describe("CSV, TSV, NDJSON or JSON file on Sluice's machine"),
    url: textInput(2048).optional().describe('Instead: a file under the base_url of a connector'),
    format: z.enum(sourceFormats).optional().describe('Only when the name does not tell'),
    array_path: textInput(500).optional().describe('JSON only: path of the array, such as data.items'),
    upload_id: uploadIdInput.optional().describe('Instead: a file sent or fetched before'),
    batch_job_id: batchJobIdInput.optional().describe('Instead: records of this finished job'),
    statuses: choiceInput(finalStatuses).optional().describe('Of that job; default all'),
  })
  .describe('Where the records are; rows never pass through the conversation');

export type SourceInput = z.output<typeof sourceInput>;

/**
 * Finds what a caller names as source, if there is one, makes sure that reading it can begin, and lets `use` do
 * something with it. A file that was fetched for this is not kept when it comes to nothing.
 *
 * @throws SluiceError for anything wrong with it; whatever `use` throws
 */
export async function usingSource<T>(
  context: OperationContext,
  given: SourceInput | undefined,
  use: (source: Source | undefined) => Promise<T>,
): Promise<T> {
  if (given === undefined) return use(undefined);
  checkSource(given);
  const { url, batch_job_id: job } = given;
  if (job !== undefined) return use(await openJob(context, given, job));
  if (url === undefined) return use(await openFile(context, given));
  const fetched = await fetchUpload(context, url);
  try {
    const { id: upload_id, extension } = fetched;
    return await use(await openFile(context, { ...given, upload_id, extension }));
  } catch (error) {
    // An earlier one may be what somebody has looked at, and one that was fetched again meanwhile is somebody else's too.
    const { newSince: since } = fetched;
    if (since !== undefined) await dropUpload(context, fetched, since).catch(() => {});
    throw error;
  }
}

function checkSource(given: SourceInput): void {
  const { path, url, upload_id: upload, batch_job_id: job, statuses } = given;
  const named = [path, url, upload, job].filter((name) => name !== undefined).length;
  const isOfFile = given.format !== undefined || given.array_path !== undefined;
  if (named === 1 && (job === undefined ? statuses === undefined : !isOfFile)) return;
  throw new SluiceError(
    'invalid_input',
    'source takes either path, url or upload_id (with format, array_path) or batch_job_id (with statuses), only one of them. Nothing was started.',
  );
}

interface FileInput extends Pick<SourceInput, 'path' | 'upload_id' | 'format' | 'array_path'> {
  readonly extension?: string;
}

/** A file by its path, or one that was sent or fetched. @throws SluiceError for anything wrong with it */
export async function openFile(
  context: OperationContext,
  { path, upload_id: upload = '', format, extension, array_path: arrayPath }: FileInput,
): Promise<FileSource> {
  const how = { ...(format && { format }), ...(extension && { extension }), ...(arrayPath && { arrayPath }) };
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
