import type { z } from 'zod';
import type { listBatchJobs } from '../operations/list-batch-jobs.ts';
import { cut, grouped, table } from './table.ts';

type Listing = z.output<(typeof listBatchJobs)['output']>;

/** Jobs as `list` shows them. */
export function showJobs({ jobs, next_cursor }: Listing): string[] {
  if (jobs.length === 0) return ['No batch jobs. `sluice start <flow> <file>` starts one.'];
  const rows = jobs.map((job) => [
    job.batch_job_id,
    job.flow,
    job.status,
    grouped(job.total),
    grouped(job.failed_now),
    job.created_at.slice(0, 19).replace('T', ' '),
    cut(job.label ?? job.source, 40),
  ]);
  return [...table(columns, rows), ...(next_cursor ? [`More: --cursor ${next_cursor}`] : [])];
}

const columns = [
  { title: 'ID' },
  { title: 'FLOW' },
  { title: 'STATUS' },
  { title: 'RECORDS', align: 'right' },
  { title: 'FAILED', align: 'right' },
  { title: 'STARTED (UTC)' },
  { title: 'LABEL OR SOURCE' },
] as const;
