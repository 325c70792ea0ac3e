import { z } from 'zod';
import { jobStatuses } from '../domain/job.ts';
import type { BatchJob } from '../store/jobs.ts';

const count = z.number().int();

/** How many records have each status; together they are the total. */
export const countsOutput = z.object({
  pending: count,
  processing: count,
  succeeded: count,
  failed: count,
  retried_success: count,
  retried_failed: count,
  skipped: count,
});

/** What every answer about a job says first. */
export const jobOutput = {
  batch_job_id: z.string(),
  status: z.enum(jobStatuses),
  finished: z.boolean().describe('True once every record has a final status'),
  total: count.describe('Records accepted so far'),
};

export const flowOutput = z.object({
  flow_id: z.string(),
  name: z.string(),
  version: z.number().nullable(),
  revision: z.string(),
});

export const jobFields = (job: BatchJob) => ({
  batch_job_id: job.id,
  status: job.status,
  finished: job.finishedAt !== null,
  total: job.total,
});

export const flowFields = ({ flow }: Pick<BatchJob, 'flow'>) => ({
  flow_id: flow.flowId,
  name: flow.name,
  version: flow.version,
  revision: flow.revision,
});

/** Rounded down to a tenth, so that 100 means all. */
export const percentOf = (done: number, total: number) =>
  total === 0 ? 0 : Math.floor((done / total) * 1000) / 10;

/** Records with a final status. */
export const processedOf = (job: BatchJob) => job.total - job.counts.pending - job.counts.processing;

/** Records that have failed and were not cured. */
export const failedNow = ({ counts }: BatchJob) => counts.failed + counts.retried_failed;
