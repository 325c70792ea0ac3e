import { z } from 'zod';
import { parseDuration } from '../domain/duration.ts';
import { jobStatuses } from '../domain/job.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { type BatchJob, listJobs } from '../store/jobs.ts';
import { countsOutput, failedNow, jobFields, jobOutput } from './counts.ts';
import { fitPage } from './fit-page.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';

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
    since: z
      .string()
      .max(40)
      .optional()
      .describe('Only jobs started since: 12h, 7d, or a time such as 2026-01-31T08:00:00Z'),
    limit: z.number().int().min(1).max(100).default(20),
    cursor: z.string().max(200).optional().describe('next_cursor of the answer before'),
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
      }),
    ),
    next_cursor: z.string().optional().describe('Absent on the last page'),
  }),

  async run(context, { flow_id, status, since, limit, cursor }) {
    const flowName = flow_id === undefined ? undefined : await nameOf(context, flow_id);
    const filter = {
      flowName,
      statuses: status && [status],
      since: since === undefined ? undefined : moment(since),
      after: cursor === undefined ? undefined : readCursor(cursor),
    };
    const { db } = await context.open();
    const jobs = await listJobs(db, { ...filter, limit: limit + 1 });
    const page = fitPage(jobs.slice(0, limit).map(describe));
    const last = jobs[page.length - 1];
    return {
      jobs: page,
      ...(jobs.length > page.length && last !== undefined ? { next_cursor: writeCursor(last) } : {}),
    };
  },
});

/** A flow that is gone still has jobs, so an unknown name is taken as it is. */
async function nameOf(
  context: { flows: { find(reference: string): Promise<{ name: string }> } },
  reference: string,
) {
  try {
    return (await context.flows.find(reference)).name;
  } catch {
    return reference;
  }
}

function moment(text: string): Date {
  const ago = /^\d/.test(text) && !text.includes('-') ? parseDuration(text) : undefined;
  const date = ago === undefined ? new Date(text) : new Date(Date.now() - ago);
  if (date.getTime() >= 0) return date;
  throw new SluiceError(
    'invalid_input',
    `list_batch_jobs: since: "${text}" is neither a span such as 12h nor a time such as 2026-01-31T08:00:00Z.`,
  );
}

const describe = (job: BatchJob) => ({
  ...jobFields(job),
  flow: job.flow.name,
  ...(job.label === null ? {} : { label: job.label }),
  source: sourceName(job),
  counts: job.counts,
  failed_now: failedNow(job),
  created_at: job.createdAt.toISOString(),
  ...(job.finishedAt === null ? {} : { finished_at: job.finishedAt.toISOString() }),
});

function sourceName(job: BatchJob): string {
  const source = job.source as { kind: string; path?: string };
  return source.path ?? source.kind;
}

const writeCursor = (job: BatchJob) =>
  Buffer.from(`${job.createdAt.toISOString()}|${job.id}`).toString('base64url');

function readCursor(cursor: string): { createdAt: Date; id: string } {
  const [time = '', id = ''] = Buffer.from(cursor, 'base64url').toString().split('|');
  const createdAt = new Date(time);
  if (!Number.isNaN(createdAt.getTime()) && /^[0-9a-f-]{36}$/.test(id)) return { createdAt, id };
  throw new SluiceError(
    'invalid_input',
    'list_batch_jobs: cursor: not a next_cursor of an earlier answer. Leave it out to begin at the newest job.',
  );
}
