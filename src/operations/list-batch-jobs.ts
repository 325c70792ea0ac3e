import { z } from 'zod';
import { jobStatuses } from '../domain/job.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { type BatchJob, listJobs } from '../store/jobs.ts';
import { cutTo, roomFor } from './answer-size.ts';
import { countsOutput, failedNow, jobFields, jobOutput } from './counts.ts';
import { fitPage } from './fit-page.ts';
import { countAtMost, textInput } from './input-limits.ts';
import { flowNameOf, momentOf, sinceInput } from './job-filter.ts';
import { defineOperation } from './operation.ts';
import { answerTokens, formatInput, type ResponseFormat } from './response-format.ts';
import { isMoment, isUuid } from './stored-forms.ts';

/** What a label, and the name of a source, may cost, and what an answer says besides jobs, in tokens. */
const nameTokens = 60;
const besides = 100;

export const listBatchJobs = defineOperation({
  name: 'list_batch_jobs',
  title: 'List batch jobs',
  description: [
    'Lists batch jobs, newest first, with their status and counts.',
    '',
    'Use it to find a job whose id is not at hand, or to see what is running or has failed lately.',
  ].join('\n'),
  effect: 'read',
  input: z.strictObject({
    flow_id: textInput(200).optional().describe('Only jobs of this flow: its name or uuid'),
    status: z.enum(jobStatuses).optional(),
    since: sinceInput.describe('Only jobs started since: 12h, 7d, or a time such as 2026-01-31T08:00:00Z'),
    limit: z.number().int().min(1).max(100).default(20),
    cursor: z.string().max(200).optional().describe('next_cursor of the answer before'),
    offset: z.number().int().min(0).max(countAtMost).optional().describe('Jobs passed over'),
    response_format: formatInput,
  }),
  output: z.object({
    jobs: z.array(
      z.object({
        ...jobOutput,
        flow: z.string(),
        label: z.string().optional(),
        source: z.string(),
        counts: countsOutput,
        failed_now: z.number().int(),
        created_at: z.string(),
        finished_at: z.string().optional(),
        revision: z.string().optional(),
        concurrency: z.number().int().optional(),
        wave: z.number().int().optional(),
      }),
    ),
    next_cursor: z.string().optional().describe('Absent on the last page'),
  }),

  async run(context, { flow_id, status, since, limit, cursor, offset, response_format: format }) {
    const filter = {
      statuses: status && [status],
      since: since === undefined ? undefined : momentOf(since, 'list_batch_jobs'),
      after: cursor === undefined ? undefined : readCursor(cursor),
    };
    const { db } = await context.open();
    const flowName = flow_id === undefined ? undefined : await flowNameOf(context, db, flow_id);
    const jobs = await listJobs(db, { ...filter, flowName, offset, limit: limit + 1 });
    const described = jobs.slice(0, limit).map((job) => ({
      ...describe(job, roomFor(context, nameTokens)),
      ...details(job, format),
    }));
    const page = fitPage(described, roomFor(context, answerTokens[format] - besides));
    const last = jobs[page.length - 1];
    return {
      jobs: page,
      ...(jobs.length > page.length && last !== undefined ? { next_cursor: writeCursor(last) } : {}),
    };
  },
});

const describe = (job: BatchJob, room: number) => ({
  ...jobFields(job),
  flow: job.flow.name,
  ...(job.label === null ? {} : { label: cutTo(job.label, room) }),
  source: cutTo(sourceName(job), room),
  counts: job.counts,
  failed_now: failedNow(job),
  created_at: job.createdAt.toISOString(),
  ...(job.finishedAt === null ? {} : { finished_at: job.finishedAt.toISOString() }),
});

const details = ({ flow, waveConcurrency, wave }: BatchJob, format: ResponseFormat) =>
  format === 'concise' ? {} : { revision: flow.revision, concurrency: waveConcurrency, wave };

function sourceName(job: BatchJob): string {
  const source = job.source as {
    kind: string;
    path?: string;
    upload?: { name: string };
    batchJobId?: string;
  };
  const words = [source.kind, source.batchJobId].filter((word) => word !== undefined);
  return source.upload?.name ?? source.path ?? words.join(' ');
}

const writeCursor = (job: BatchJob) =>
  Buffer.from(`${job.createdAt.toISOString()}|${job.id}`).toString('base64url');

function readCursor(cursor: string): { createdAt: Date; id: string } {
  const [time = '', id = ''] = Buffer.from(cursor, 'base64url').toString().split('|');
  if (isMoment(time) && isUuid(id)) return { createdAt: new Date(time), id };
  throw new SluiceError(
    'invalid_input',
    'list_batch_jobs: cursor: not a next_cursor of an earlier answer. Leave it out to begin at the newest job.',
  );
}
