import { z } from 'zod';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Database } from '../store/database.ts';
import { listFailures } from '../store/failures.ts';
import type { BatchJob } from '../store/jobs.ts';
import { roomFor, tokensOf } from './answer-size.ts';
import type { OperationContext } from './context.ts';
import { failedNow } from './counts.ts';
import { showDeadLetters } from './dead-letters.ts';
import { downloadPath, type ExportFormat, fileLinks, filesOutput, writeAll } from './export-file.ts';
import { type GroupPage, groupOutput, pageOfGroups } from './failure-groups.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { fitPage, pageTokens } from './fit-page.ts';
import { textInput } from './input-limits.ts';
import { jobRedaction } from './job-flow.ts';
import { defineOperation } from './operation.ts';
import { refusePurged } from './purged.ts';
import { answerTokens, formatInput, type ResponseFormat } from './response-format.ts';
import { failureOutput, shownFailure } from './shown-failure.ts';
import { errorFilePath, redacted, writeErrorFile } from './write-error-files.ts';

const groupsShown = 5;
/** What causes beside records may cost, and what an answer says besides both, in tokens. */
const groupTokens = 1500;
const besides = 250;
/** Groups on a page of their own. */
const groupsPerPage = 10;

export const exportBatchErrors = defineOperation({
  name: 'export_batch_errors',
  title: 'Export the failed records of a batch job',
  description: [
    'Shows the records of a job that finally failed, with error and original payload: causes first, then a page of records, and files with all of them (CSV, NDJSON, JSON).',
    '',
    'Use it when get_batch_status shows failed_now above zero. For many failures hand the person the CSV: corrected, it goes back as patch.source of retry_batch_failed_records. With dead_letters and no batch_job_id: those of all jobs.',
  ].join('\n'),
  effect: 'export',
  input: z.strictObject({
    batch_job_id: batchJobIdInput.optional(),
    group_id: textInput(40).optional().describe('Only records of this cause'),
    dead_letters: z.boolean().optional().describe('true: only records kept as dead letters'),
    flow_id: textInput(200).optional().describe('Without batch_job_id: only this flow'),
    limit: z.number().int().min(1).max(100).default(10),
    cursor: z.string().max(100).optional().describe('next_cursor of the answer before'),
    groups_cursor: z.string().max(10).optional().describe('next_groups_cursor: shows the next causes only'),
    response_format: formatInput.describe('detailed: longer pages'),
  }),
  output: z.object({
    batch_job_id: z.string().optional(),
    total_failed: z.number().int(),
    groups: z.array(groupOutput).describe('On the first page'),
    next_groups_cursor: z.string().optional(),
    errors: z.array(failureOutput),
    next_cursor: z.string().optional(),
    files: filesOutput.optional(),
    next_step: z.string(),
  }),

  async run(context, { batch_job_id, flow_id, ...page }) {
    if (batch_job_id === undefined) {
      checkAcrossJobs(page);
      return showDeadLetters(context, { flow_id, ...page });
    }
    if (flow_id !== undefined) throw refused('flow_id: a job has one flow; leave one of the two out');
    const { db } = await context.open();
    const job = await getBatchJob(db, batch_job_id);
    refusePurged(job);
    return page.groups_cursor === undefined
      ? showErrors(context, db, job, page)
      : showGroups(context, db, job, readCursor('groups_cursor', page.groups_cursor));
  },
});

interface Page {
  readonly group_id?: string | undefined;
  readonly dead_letters?: boolean | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly groups_cursor?: string | undefined;
  readonly response_format: ResponseFormat;
}

function checkAcrossJobs({ dead_letters, group_id, groups_cursor }: Page): void {
  if (dead_letters !== true) {
    throw refused('batch_job_id: is missing; without it only dead letters are shown (dead_letters true)');
  }
  if (group_id ?? groups_cursor) throw refused('group_id and groups_cursor go with a batch_job_id');
}

async function showErrors(context: OperationContext, db: Database, job: BatchJob, page: Page) {
  const { group_id, dead_letters, limit, cursor, response_format: format } = page;
  const after = cursor === undefined ? -1 : readCursor('cursor', cursor);
  const which = { groupId: group_id, deadLetters: dead_letters };
  const found = await listFailures(db, job.id, { ...which, after, limit: limit + 1 });
  if (group_id !== undefined && after === -1 && found.length === 0)
    throw await unknownGroup(context, db, job, group_id);
  const redaction = await jobRedaction(context, db, job);
  const isFirst = cursor === undefined;
  const causes = isFirst ? await fittingGroups(context, db, job, group_id) : noGroups;
  const room = roomFor(context, answerTokens[format] - besides - tokensOf(causes.groups));
  const records = found.slice(0, limit).map((record) => shownFailure(redacted(record, redaction), context));
  const shown = fitPage(records, room);
  const last = shown.at(-1);
  const more = last !== undefined && shown.length < found.length;
  const failures = failedNow(job);
  const write = (format: ExportFormat) =>
    writeErrorFile(db, job.id, context.exportsFolder, format, redaction);
  const downloads = context.isForProgram === true || context.isRemote === true;
  const writesFiles = isFirst && failures > 0 && !downloads;
  const written = writesFiles ? await writeAll(context, failures, write) : true;
  return {
    batch_job_id: job.id,
    total_failed: failures,
    ...groupFields(causes, causes.groups.length),
    errors: shown,
    ...(more ? { next_cursor: String(last.index) } : {}),
    ...(failures > 0 && context.isForProgram !== true ? { files: linksTo(context, job) } : {}),
    next_step: nextStep(failures, written, more),
  };
}

const noGroups = { groups: [], groupCount: 0 };

/** Who asks for the records of one cause has seen the others, and they would take the room of records. */
async function fittingGroups(
  context: OperationContext,
  db: Database,
  job: BatchJob,
  groupId: string | undefined,
) {
  const { groups, groupCount } = await pageOfGroups(context, db, job, { limit: groupsShown, groupId });
  return {
    groups: fitPage(groups, roomFor(context, groupTokens)),
    groupCount: groupId === undefined ? groupCount : groups.length,
  };
}

const groupFields = ({ groups, groupCount }: Pick<GroupPage, 'groups' | 'groupCount'>, end: number) => ({
  groups,
  ...(groups.length > 0 && groupCount > end ? { next_groups_cursor: String(end) } : {}),
});

async function showGroups(context: OperationContext, db: Database, job: BatchJob, offset: number) {
  const causes = await pageOfGroups(context, db, job, { limit: groupsPerPage, offset });
  const groups = fitPage(causes.groups, roomFor(context, pageTokens));
  return {
    batch_job_id: job.id,
    total_failed: failedNow(job),
    ...groupFields({ ...causes, groups }, offset + groups.length),
    errors: [],
    next_step: 'Each group names its remedy; group_id shows its records.',
  };
}

function nextStep(failures: number, written: boolean, more: boolean): string {
  if (failures === 0) return 'No record of this job has failed.';
  if (!written)
    return 'The files are being written; that many records take a minute or more. Each group names its remedy.';
  const rest = more ? 'There are more: next_cursor leads on, and the files have all. ' : '';
  return `${rest}Each group names its remedy. retry_batch_failed_records sends records again, corrected with patch.`;
}

const linksTo = ({ exportsFolder, isRemote }: OperationContext, { id }: BatchJob) =>
  fileLinks(
    (format) =>
      isRemote === true ? downloadPath(id, 'errors', format) : errorFilePath(exportsFolder, id, format),
    (format) => `batch://jobs/${id}/errors.${format}`,
  );

async function unknownGroup(
  context: OperationContext,
  db: Database,
  job: BatchJob,
  groupId: string,
): Promise<SluiceError> {
  const { groups } = await pageOfGroups(context, db, job, { limit: groupsShown });
  const known =
    groups.length === 0
      ? 'none of its records has failed'
      : `there are ${groups.map(({ group_id }) => group_id).join(', ')}`;
  return new SluiceError(
    'invalid_input',
    `export_batch_errors: group_id: batch job ${job.id} has no group "${groupId}"; ${known}.`,
  );
}

function readCursor(name: string, cursor: string): number {
  if (/^\d{1,9}$/.test(cursor)) return Number(cursor);
  throw refused(
    `${name}: not a next_${name} of an earlier answer. Leave it out to begin with the first record`,
  );
}

const refused = (message: string) => new SluiceError('invalid_input', `export_batch_errors: ${message}.`);
