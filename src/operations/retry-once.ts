import { createHash } from 'node:crypto';
import { z } from 'zod';
import { inOrder, type JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Database } from '../store/database.ts';
import { findRetryByKey } from '../store/retry-keys.ts';
import { checkConcurrency } from './check-concurrency.ts';
import { getBatchJob } from './find-batch-job.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';
import {
  type AskedOnce,
  type Output,
  retryBatchFailedRecords,
  retryJob,
} from './retry-batch-failed-records.ts';

/** A retry that may be asked for again when its answer was lost: for programs, who cannot look first. */
export const retryOnce = defineOperation({
  ...retryBatchFailedRecords,
  input: retryBatchFailedRecords.input.extend({
    idempotency_key: textInput(200)
      .optional()
      .describe('The same key and arguments never begin a second retry of the job; a preview needs none'),
  }),
  output: retryBatchFailedRecords.output.extend({
    replayed: z
      .boolean()
      .optional()
      .describe('True: an earlier call with the same idempotency_key began this wave'),
  }),

  async run(context, { idempotency_key: key, ...given }) {
    if (key === undefined || given.preview === true) return retryBatchFailedRecords.run(context, given);
    checkConcurrency(context.limits.maxConcurrency, given.concurrency, 'changed');
    const sluice = await context.open();
    // Read before the key is looked for: once another call has begun a wave, this one begins none with what it read.
    const job = await getBatchJob(sluice.db, given.batch_job_id);
    const asked = { key, requestDigest: digestOf(given) };
    const replayed = await replay(sluice.db, job.id, asked);
    if (replayed !== undefined) return replayed;
    try {
      return { ...(await retryJob(context, sluice, job, given, asked)), replayed: false };
    } catch (error) {
      const raced = error instanceof SluiceError ? await replay(sluice.db, job.id, asked) : undefined;
      if (raced === undefined) throw error;
      return raced;
    }
  },
});

/** What has to be the same in a call with the same key for the same job. */
const digestOf = (given: object) =>
  createHash('sha256')
    .update(JSON.stringify(inOrder({ ...given, batch_job_id: null } as JsonValue)))
    .digest('hex');

/** The answer to the call that came with the key first, if there was one. */
async function replay(db: Database, batchJobId: string, { key, requestDigest }: AskedOnce) {
  const kept = await findRetryByKey(db, batchJobId, key);
  if (kept === undefined) return undefined;
  const { wave, selected, answer } = kept;
  if (kept.requestDigest !== requestDigest) {
    throw new SluiceError(
      'idempotency_key_reused',
      `This idempotency_key already began wave ${wave} of batch job ${batchJobId} with other arguments. Follow that job, or use another key to retry more. Nothing was changed.`,
    );
  }
  const { status, finishedAt } = await getBatchJob(db, batchJobId);
  const look = `get_batch_status {"batch_job_id": "${batchJobId}"`;
  return {
    ...(answer as unknown as Output),
    status,
    wave,
    selected,
    replayed: true,
    next_step:
      finishedAt === null
        ? `An earlier call began this retry, which is not finished. Call ${look}, "wait_seconds": 30} until finished is true.`
        : `An earlier call began this retry, and the job has finished since. Call ${look}} to see the outcome.`,
  };
}
