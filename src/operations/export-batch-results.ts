import { z } from 'zod';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Database } from '../store/database.ts';
import { listResults, type RecordResult } from '../store/results.ts';
import { roomFor } from './answer-size.ts';
import type { OperationContext } from './context.ts';
import { downloadPath, fileLinks, filesOutput, writeAll } from './export-file.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { fitPage, pageTokens } from './fit-page.ts';
import { choiceInput } from './input-limits.ts';
import { jobRedaction } from './job-flow.ts';
import { defineOperation } from './operation.ts';
import { refusePurged } from './purged.ts';
import { shownValue } from './shown-payload.ts';
import { endingFile } from './write-ending-file.ts';
import {
  describeResult,
  type ResultFile,
  redactedResult,
  resultFilePath,
  withResult,
  writeResultFile,
} from './write-result-files.ts';

/** Results longer than this, as JSON, are shown by their beginning; the files have them whole. */
const resultTokens = 300;
const finalStatuses = [...withResult, 'failed', 'retried_failed', 'skipped'] as const;

export const exportBatchResults = defineOperation({
  name: 'export_batch_results',
  title: 'Export the results of a batch job',
  description: [
    'Shows what the flow returned for finished records, in input order: a page, and files with all (CSV with the original columns, NDJSON, JSON).',
    '',
    'Use it when the person wants what came back, such as ids the target gave. For many hand over the path.',
  ].join('\n'),
  effect: 'export',
  input: z.strictObject({
    batch_job_id: batchJobIdInput,
    statuses: choiceInput(finalStatuses).optional().describe('Default: succeeded and retried_success'),
    limit: z.number().int().min(1).max(100).default(10),
    cursor: z.string().max(40).optional().describe('next_cursor of the answer before'),
  }),
  output: z.object({
    batch_job_id: z.string(),
    finished: z.boolean(),
    total: z.number().int().describe('Records with these statuses'),
    results: z.array(
      z.object({
        index: z.number().int(),
        id: z.string().optional(),
        status: z.string(),
        result: z.unknown(),
        result_cut: z.boolean().optional(),
      }),
    ),
    next_cursor: z.string().optional(),
    files: filesOutput.optional(),
    ending_file: z.string().optional(),
    next_step: z.string(),
  }),

  async run(context, { batch_job_id, statuses: given, limit, cursor }) {
    const after = cursor === undefined ? -1 : readCursor(cursor);
    const statuses = [...new Set(given ?? withResult)];
    const { db } = await context.open();
    const job = await getBatchJob(db, batch_job_id);
    refusePurged(job);
    const redaction = await jobRedaction(context, db, job);
    const found = await listResults(db, job.id, { after, limit: limit + 1, statuses });
    const page = fitPage(
      found.slice(0, limit).map((record) => shownResult(redactedResult(record, redaction), context)),
      roomFor(context, pageTokens),
    );
    const last = page.at(-1);
    const more = last !== undefined && page.length < found.length;
    const total = statuses.reduce((sum, status) => sum + job.counts[status], 0);
    const file = { batchJobId: job.id, folder: context.exportsFolder, statuses, redaction };
    const downloads = context.isForProgram === true || context.isRemote === true;
    const writesFiles = cursor === undefined && total > 0 && !downloads;
    const isFirst = cursor === undefined && context.isForProgram !== true;
    const ending = isFirst ? await endingFile(context, db, job) : undefined;
    const isWritten = !writesFiles || (await writeFiles(context, db, total, file));
    return {
      batch_job_id: job.id,
      finished: job.finishedAt !== null,
      total,
      results: page,
      ...(more ? { next_cursor: String(last.index) } : {}),
      ...(total === 0 || context.isForProgram === true
        ? {}
        : { files: linksTo(context, file, given === undefined) }),
      ...(ending === undefined ? {} : { ending_file: ending }),
      next_step: nextStep(job.finishedAt !== null, total, isWritten),
    };
  },
});

function shownResult(record: RecordResult, reader: Pick<OperationContext, 'isForProgram'>) {
  const { value, isCut } = shownValue(record.result, roomFor(reader, resultTokens));
  return { ...describeResult(record), result: value, ...(isCut ? { result_cut: true } : {}) };
}

type Files = Omit<ResultFile, 'format'>;

const writeFiles = (context: OperationContext, db: Database, total: number, file: Files) =>
  writeAll(context, total, (format) => writeResultFile(db, { ...file, format }));

/** Only the usual selection has an address. */
const linksTo = (
  { isRemote }: OperationContext,
  { batchJobId, folder, statuses }: Files,
  isUsual: boolean,
) => {
  const chosen = isUsual ? '' : `?statuses=${statuses.join()}`;
  return fileLinks(
    (format) =>
      isRemote === true
        ? `${downloadPath(batchJobId, 'results', format)}${chosen}`
        : resultFilePath(folder, batchJobId, format, statuses),
    isUsual ? (format) => `batch://jobs/${batchJobId}/results.${format}` : undefined,
  );
};

function readCursor(cursor: string): number {
  if (/^\d{1,9}$/.test(cursor)) return Number(cursor);
  throw new SluiceError(
    'invalid_input',
    'export_batch_results: cursor: not a next_cursor of an earlier answer. Leave it out to begin with the first record.',
  );
}

function nextStep(isFinished: boolean, total: number, written: boolean): string {
  if (!isFinished)
    return 'The job is not finished: there will be more results. get_batch_status says when it is.';
  if (total === 0) return 'No record of this job has such a status.';
  return written
    ? 'The files have all of them.'
    : 'The files are being written; that many records take a minute or more.';
}
