import { z } from 'zod';
import { errorClasses } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Database } from '../store/database.ts';
import { type FailedRecord, listFailures } from '../store/failures.ts';
import type { BatchJob } from '../store/jobs.ts';
import type { OperationContext } from './context.ts';
import { failedNow } from './counts.ts';
import { describeGroups, groupOutput } from './failure-groups.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { fitPage } from './fit-page.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';
import { describeFailure, errorFilePath, errorFormats, writeErrorFile } from './write-error-files.ts';

const groupsShown = 5;
/** Payloads longer than this, as JSON, are shown by their beginning; the files have them whole. */
const payloadCharacters = 1000;

/** Records whose files are written before the answer. */
const writtenAtOnce = 50_000;

const fileOutput = z.object({ uri: z.string(), path: z.string() });

export const exportBatchErrors = defineOperation({
  name: 'export_batch_errors',
  title: 'Export the failed records of a batch job',
  description: [
    'Shows the records of a job that finally failed, with error and original payload: causes first, then a page of records, and links to files with all of them (CSV and NDJSON).',
    '',
    'Use it when get_batch_status shows failed_now above zero. For many failures hand the person the file path instead of paging through them.',
  ].join('\n'),
  effect: 'export',
  input: z.strictObject({
    batch_job_id: batchJobIdInput,
    group_id: textInput(40).optional().describe('Only records of this cause'),
    limit: z.number().int().min(1).max(100).default(10),
    cursor: z.string().max(40).optional().describe('next_cursor of the answer before'),
  }),
  output: z.object({
    batch_job_id: z.string(),
    total_failed: z.number().int(),
    groups: z.array(groupOutput).describe('On the first page'),
    errors: z.array(
      z.object({
        index: z.number().int(),
        id: z.string().optional(),
        status: z.string(),
        attempts: z.number().int(),
        group_id: z.string(),
        error: z.object({
          class: z.enum(errorClasses),
          code: z.string(),
          message: z.string(),
          untrusted_message: z.string().optional(),
          step: z.string().optional(),
        }),
        payload: z.unknown(),
        payload_cut: z.boolean().optional(),
      }),
    ),
    next_cursor: z.string().optional(),
    files: z.object({ csv: fileOutput, ndjson: fileOutput }).optional(),
    next_step: z.string(),
  }),

  async run(context, { batch_job_id, group_id, limit, cursor }) {
    const after = cursor === undefined ? -1 : readCursor(cursor);
    const { db } = await context.open();
    const job = await getBatchJob(db, batch_job_id);
    const found = await listFailures(db, job.id, { after, limit: limit + 1, groupId: group_id });
    if (group_id !== undefined && after === -1 && found.length === 0)
      throw await unknownGroup(db, job, group_id);
    const page = fitPage(found.slice(0, limit).map(shorten));
    const last = page.at(-1);
    const more = last !== undefined && page.length < found.length;
    const first = cursor === undefined;
    const written = first && failedNow(job) > 0 ? await writeFiles(context, db, job) : true;
    return {
      batch_job_id: job.id,
      total_failed: failedNow(job),
      groups: first ? await describeGroups(db, job, groupsShown) : [],
      errors: page,
      ...(more ? { next_cursor: String(last.index) } : {}),
      ...(failedNow(job) > 0 ? { files: files(context.exportsFolder, job.id) } : {}),
      next_step:
        failedNow(job) === 0
          ? 'No record of this job has failed.'
          : !written
            ? 'The files are being written; that many records take a minute or more. Each group names its remedy.'
            : `${more ? 'The page was cut to fit; next_cursor leads on, and the files have all. ' : ''}Each group names its remedy. retry_batch_failed_records sends records again; it takes group_ids, indexes and ids.`,
    };
  },
});

/** False: there are so many records that the files are finished after the answer. */
async function writeFiles(context: OperationContext, db: Database, job: BatchJob): Promise<boolean> {
  const formats = errorFormats.map(
    (format) => () => writeErrorFile(db, job.id, context.exportsFolder, format),
  );
  const writing = formats.reduce<Promise<unknown>>((before, write) => before.then(write), Promise.resolve());
  if (failedNow(job) <= writtenAtOnce) {
    await writing;
    return true;
  }
  // A file that could not be written is not there, and the next call tries again.
  writing.catch(() => {});
  return false;
}

async function unknownGroup(db: Database, job: BatchJob, groupId: string): Promise<SluiceError> {
  const groups = await describeGroups(db, job, groupsShown);
  const known =
    groups.length === 0
      ? 'none of its records has failed'
      : `there are ${groups.map(({ group_id }) => group_id).join(', ')}`;
  return new SluiceError(
    'invalid_input',
    `export_batch_errors: group_id: batch job ${job.id} has no group "${groupId}"; ${known}.`,
  );
}

function readCursor(cursor: string): number {
  if (/^\d{1,9}$/.test(cursor)) return Number(cursor);
  throw new SluiceError(
    'invalid_input',
    'export_batch_errors: cursor: not a next_cursor of an earlier answer. Leave it out to begin with the first record.',
  );
}

function shorten(record: FailedRecord) {
  const shown = describeFailure(record);
  const text = JSON.stringify(record.payload);
  if (text.length <= payloadCharacters) return shown;
  const beginning: JsonValue = { _beginning: text.slice(0, payloadCharacters) };
  return { ...shown, payload: beginning, payload_cut: true };
}

const files = (folder: string, batchJobId: string) => ({
  csv: { uri: `batch://jobs/${batchJobId}/errors.csv`, path: errorFilePath(folder, batchJobId, 'csv') },
  ndjson: {
    uri: `batch://jobs/${batchJobId}/errors.ndjson`,
    path: errorFilePath(folder, batchJobId, 'ndjson'),
  },
});
