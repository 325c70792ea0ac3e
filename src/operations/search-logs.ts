import { z } from 'zod';
import { errorClasses } from '../domain/failure.ts';
import type { RecordStatus } from '../domain/record.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { labelOf } from '../flows/flow-file-name.ts';
import type { Database } from '../store/database.ts';
import {
  attemptStatuses,
  type HistoryLine,
  type HistoryPage,
  type HistoryPlace,
  searchHistory,
} from '../store/history.ts';
import type { BatchJob } from '../store/jobs.ts';
import { cutTo, roomFor, tokensOf } from './answer-size.ts';
import type { OperationContext } from './context.ts';
import { describeRecord, isRecordCut, recordOutput } from './describe-record.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { fitPage } from './fit-page.ts';
import { countAtMost, textInput } from './input-limits.ts';
import { flowNameOf, momentOf, sinceInput } from './job-filter.ts';
import { defineOperation } from './operation.ts';
import { answerTokens, formatInput, type ResponseFormat } from './response-format.ts';
import { isCount, isUuid } from './stored-forms.ts';

/** Successes are no log of their own: they are read from the records, so a job may not have too many. */
const recordsReadAtMost = 50_000;

/** What a message may cost, in tokens. */
const messageShown = { concise: 60, detailed: 200 } as const;
/** What an answer says besides its record and its lines, in tokens. */
const besides = 150;

const input = z.strictObject({
  flow_id: textInput(200).optional().describe('Only jobs of this flow: its name or uuid'),
  batch_job_id: batchJobIdInput.optional(),
  index: z
    .number()
    .int()
    .min(0)
    .max(countAtMost)
    .optional()
    .describe("One record's whole story; needs batch_job_id"),
  status: z
    .enum(attemptStatuses)
    .optional()
    .describe('Only such attempts, no events; failed has retries too'),
  since: sinceInput.describe('12h, 7d, or a time such as 2026-01-31T08:00:00Z'),
  text: textInput(200).optional().describe('In message, code, class, step or own id; any case'),
  limit: z.number().int().min(1).max(100).default(20),
  cursor: z.string().max(200).optional().describe('next_cursor of the answer before'),
  response_format: formatInput,
});

type Input = z.output<typeof input>;

export const searchLogs = defineOperation({
  name: 'search_logs',
  title: 'Search attempts and events',
  description: [
    'Searches what happened, newest first: attempts that failed (also those a later attempt made good), and events of jobs (started, paused, retried, finished). With a job also its successes.',
    '',
    "Use it to find out when and why something happened, over all jobs or in one. With index: one record's payload now and before, all attempts, waits and result.",
  ].join('\n'),
  effect: 'read',
  input,
  output: z.object({
    lines: z.array(
      z.object({
        at: z.string(),
        batch_job_id: z.string(),
        flow: z.string().optional(),
        index: z.number().int().optional(),
        id: z.string().optional(),
        kind: z.string(),
        attempt: z.number().int().optional().describe('0: at intake'),
        wave: z.number().int().optional(),
        class: z.enum(errorClasses).optional(),
        code: z.string().optional(),
        step: z.string().optional(),
        message: z.string().optional(),
        by: z.string().optional(),
        untrusted_message: z.string().optional(),
        maybe_applied: z.boolean().optional(),
      }),
    ),
    record: recordOutput.optional(),
    searched_back_to: z.string().optional().describe('Nothing older was looked at'),
    next_cursor: z.string().optional(),
    next_step: z.string(),
  }),

  async run(context, given) {
    const { db } = await context.open();
    const job = await jobOf(context, given);
    const page = await searchHistory(db, await queryOf(context, db, given, job));
    const { response_format: format, limit } = given;
    const told =
      job === undefined || given.index === undefined
        ? undefined
        : await describeRecord(context, db, job, given.index, format);
    const record = told === undefined ? {} : { record: told };
    const room = roomFor(context, answerTokens[format] - besides - tokensOf(record));
    const lines = fitPage(
      page.lines
        .slice(0, limit)
        .map((line) => describeLine(line, format, roomFor(context, messageShown[format]))),
      room,
    );
    const cursor = nextPlace(page, lines.length);
    const { searchedToMicros } = page;
    return {
      ...record,
      lines,
      ...(searchedToMicros === undefined ? {} : { searched_back_to: momentIn(searchedToMicros) }),
      ...(cursor === undefined ? {} : { next_cursor: writeCursor(cursor) }),
      next_step: nextStep(given, page, lines.length, [
        cutRecordStep(format, told),
        recordStep(given, job, told),
      ]),
    };
  },
});

async function jobOf(context: OperationContext, { flow_id, batch_job_id, index }: Input) {
  if (batch_job_id !== undefined) {
    const job = await getBatchJob((await context.open()).db, batch_job_id);
    if (flow_id !== undefined) await checkFlow(context, job, flow_id);
    return job;
  }
  if (index === undefined) return undefined;
  throw new SluiceError('invalid_input', 'search_logs: index: needs batch_job_id, the job of the record.');
}

/** Labels and uuids of flows that are gone are known from the job. */
async function checkFlow(
  context: OperationContext,
  { id, flow }: BatchJob,
  reference: string,
): Promise<void> {
  if ([flow.name, flow.flowId, labelOf(flow)].includes(reference)) return;
  const meant = await context.flows.find(reference).catch(() => undefined);
  if (meant?.name === flow.name) return;
  throw new SluiceError(
    'invalid_input',
    `search_logs: flow_id: batch job ${id} is of the flow ${flow.name}. Leave out flow_id, or batch_job_id to search all jobs of a flow.`,
  );
}

async function queryOf(context: OperationContext, db: Database, given: Input, job: BatchJob | undefined) {
  const { flow_id, index, status, since, text, cursor, limit } = given;
  return {
    flowName: flow_id === undefined || job !== undefined ? undefined : await flowNameOf(context, db, flow_id),
    batchJobId: job?.id,
    index,
    status,
    since: since === undefined ? undefined : momentOf(since, 'search_logs'),
    text,
    after: cursor === undefined ? undefined : readCursor(cursor),
    withSuccesses: job !== undefined && (index !== undefined || job.total <= recordsReadAtMost),
    limit: limit + 1,
  };
}

function describeLine(line: HistoryLine, format: ResponseFormat, messageRoom: number) {
  const { place, batchJobId, flowName, kind, index, id, attempt, wave, failure, message, actor } = line;
  return {
    at: momentIn(place.atMicros),
    batch_job_id: batchJobId,
    ...(format === 'detailed' ? { flow: flowName } : {}),
    ...(index === null ? {} : { index }),
    ...(id === null ? {} : { id }),
    kind,
    // What was cut off did not count, so it has the number of the one before.
    ...(attempt === null || failure?.class === 'interrupted' ? {} : { attempt }),
    ...(wave === null || wave === 0 ? {} : { wave }),
    ...failureFields(line, messageRoom),
    ...(message === null ? {} : { message }),
    ...(actor === null ? {} : { by: actor }),
  };
}

function failureFields({ failure }: HistoryLine, tokens: number) {
  if (failure === null) return {};
  const { class: errorClass, code, step, message, untrustedMessage: said, maybeApplied } = failure;
  return {
    class: errorClass,
    code,
    ...(step === undefined ? {} : { step }),
    message: cutTo(message, tokens),
    ...(said === undefined ? {} : { untrusted_message: cutTo(said, tokens) }),
    ...(maybeApplied === true ? { maybe_applied: true } : {}),
  };
}

const momentIn = (micros: number) => new Date(micros / 1000).toISOString();

/** Behind the last line shown, else behind all that was looked at; undefined: there is nothing more. */
function nextPlace({ lines, searchedToMicros }: HistoryPage, shown: number): HistoryPlace | undefined {
  if (lines.length > shown) return lines[shown - 1]?.place;
  return searchedToMicros === undefined ? undefined : { atMicros: searchedToMicros, ...lastOfMoment };
}

const lastOfMoment = {
  batchJobId: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
  index: countAtMost,
  sequence: countAtMost,
};

function nextStep(
  given: Input,
  page: HistoryPage,
  shown: number,
  ofRecord: readonly (string | undefined)[],
): string {
  const steps = [cutStep(page, shown), shown === 0 ? nothingStep(given) : undefined, ...ofRecord];
  const said = steps.filter((step) => step !== undefined);
  return said.length === 0 ? 'That is all there is.' : said.join(' ');
}

function cutStep({ lines, searchedToMicros }: HistoryPage, shown: number): string | undefined {
  if (lines.length > shown) return 'There is more: next_cursor leads on; since, text and status narrow it.';
  if (searchedToMicros === undefined) return undefined;
  return 'So much has happened that the search stopped at searched_back_to: next_cursor goes on from there.';
}

function cutRecordStep(
  format: ResponseFormat,
  record: z.output<typeof recordOutput> | undefined,
): string | undefined {
  if (format === 'detailed' || record === undefined || !isRecordCut(record)) return undefined;
  return 'What has only its _beginning here is shown with response_format "detailed".';
}

function nothingStep({ flow_id, batch_job_id, index, status, text, since }: Input): string {
  const isNarrow = status !== undefined || text !== undefined || since !== undefined;
  if (batch_job_id !== undefined) {
    const what = index === undefined ? 'in this job' : 'about this record';
    return isNarrow
      ? `Nothing ${what} fits. Leave out status, text or since.`
      : `Nothing ${what} has been noted.`;
  }
  if (flow_id !== undefined)
    return 'Nothing fits. list_flows shows the names of flows; a longer since looks back further.';
  return 'Nothing fits. A longer since looks back further.';
}

function recordStep(
  { index }: Input,
  job: BatchJob | undefined,
  record?: z.output<typeof recordOutput>,
): string | undefined {
  if (job === undefined) return 'With batch_job_id and index it tells the whole story of one record.';
  if (job.purgedAt !== null)
    return 'The payloads and attempts of this job have been deleted because of their age.';
  if (index === undefined) return 'With index it tells the whole story of one record.';
  if (job.finishedAt === null || record === undefined || record.set_aside !== undefined) return undefined;
  const again = selectFor(index)[record.status];
  if (again === undefined) return undefined;
  return `The record is sent again with retry_batch_failed_records {"batch_job_id": "${job.id}", "select": ${again}}.`;
}

const selectFor = (index: number): Partial<Record<RecordStatus, string>> => ({
  failed: `{"indexes": [${index}]}`,
  retried_failed: `{"indexes": [${index}]}`,
  skipped: `{"statuses": ["skipped"], "indexes": [${index}]}`,
});

const writeCursor = ({ atMicros, batchJobId, index, sequence }: HistoryPlace) =>
  Buffer.from([atMicros, batchJobId, index, sequence].join('|')).toString('base64url');

function readCursor(cursor: string): HistoryPlace {
  const [at = '', batchJobId = '', index = '', sequence = '', ...more] = Buffer.from(cursor, 'base64url')
    .toString()
    .split('|');
  const isPlace =
    more.length === 0 &&
    /^\d{1,16}$/.test(at) &&
    isUuid(batchJobId) &&
    // Events of jobs are of no record.
    (index === '-1' || isCount(index)) &&
    isCount(sequence);
  if (isPlace) return { atMicros: Number(at), batchJobId, index: Number(index), sequence: Number(sequence) };
  throw new SluiceError(
    'invalid_input',
    'search_logs: cursor: not a next_cursor of an earlier answer. Leave it out to begin with the newest.',
  );
}
