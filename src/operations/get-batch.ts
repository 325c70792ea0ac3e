import { z } from 'zod';
import { getBatchStatus } from './get-batch-status.ts';
import { listRecords } from './list-records.ts';
import { defineOperation } from './operation.ts';

const { batch_job_id, wait_seconds } = getBatchStatus.input.shape;
const { statuses, limit, cursor } = listRecords.input.shape;
const { records, next_cursor } = listRecords.output.shape;

/** A job and, when they are wanted, a page of its records: for programs, who ask for both at once. */
export const getBatch = defineOperation({
  name: 'get_batch',
  title: 'Get a batch job',
  description: 'Says how far a batch job has come, with or without its records.',
  effect: 'read',
  input: z.strictObject({
    batch_job_id,
    wait_seconds,
    include: z
      .array(z.enum(['records']))
      .optional()
      .describe('records: a page of them'),
    statuses: statuses.describe('Only records with these'),
    limit,
    cursor,
  }),
  output: getBatchStatus.output.extend({ records: records.optional(), next_cursor }),

  async run(context, { include = [], wait_seconds: wait, ...page }) {
    const { batch_job_id: reference, ...filter } = page;
    const status = await getBatchStatus.run(context, {
      batch_job_id: reference,
      wait_seconds: wait,
      response_format: 'detailed',
    });
    if (!include.includes('records')) return status;
    const listed = await listRecords.run(context, { ...filter, batch_job_id: status.batch_job_id });
    return { ...status, records: listed.records, next_cursor: listed.next_cursor };
  },
});
