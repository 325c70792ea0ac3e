import { z } from 'zod';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Redaction } from '../flows/redaction.ts';
import type { Database } from '../store/database.ts';
import { listFailures } from '../store/failures.ts';
import { type BatchJob, findJob } from '../store/jobs.ts';
import { listResults } from '../store/results.ts';
import { countsOutput, failedNow, jobFields, jobOutput, processedOf } from './counts.ts';
import { countAtMost, textInput } from './input-limits.ts';
import { jobRedaction } from './job-flow.ts';
import { defineOperation } from './operation.ts';
import { describeFailure, redacted } from './write-error-files.ts';
import { redactedResult } from './write-result-files.ts';

const count = z.number().int();
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const finalStatuses = ['succeeded', 'retried_success', 'failed', 'retried_failed', 'skipped'] as const;

/** What whoever sent the records to a published flow gets to see of their job. */
export const getPublishedJob = defineOperation({
  name: 'get_published_job',
  title: 'Get a job of a published flow',
  description: 'Says how far the records have come, and what each came to once all are done.',
  effect: 'read',
  input: z.strictObject({
    flow: textInput(100),
    batch_job_id: z.string().max(100),
    limit: count.min(1).max(1000).default(100).describe('Results at most'),
    after: count.min(-1).max(countAtMost).default(-1).describe('Only results behind this index'),
  }),
  output: z.object({
    ...jobOutput,
    processed: count,
    succeeded: count,
    failed: count,
    pending: count,
    counts: countsOutput,
    created_at: z.string(),
    finished_at: z.string().optional(),
    results: z
      .array(
        z.object({
          index: count,
          id: z.string().optional(),
          status: z.string(),
          result: z.unknown().optional(),
          error: z
            .object({
              class: z.string(),
              code: z.string(),
              message: z.string(),
              untrusted_message: z.string().optional(),
              step: z.string().optional(),
            })
            .optional(),
        }),
      )
      .optional(),
    more_after: count.optional(),
  }),

  async run(context, { flow, batch_job_id, limit, after }) {
    const { db, engine } = await context.open();
    const job = uuid.test(batch_job_id) ? await findJob(db, batch_job_id) : undefined;
    if (job === undefined || job.flow.name !== flow) throw notFound(batch_job_id);
    engine.wake(job.id);
    const { counts } = job;
    const facts = {
      ...jobFields(job),
      processed: processedOf(job),
      succeeded: counts.succeeded + counts.retried_success,
      failed: failedNow(job),
      pending: counts.pending + counts.processing,
      counts,
      created_at: job.createdAt.toISOString(),
      ...(job.finishedAt === null ? {} : { finished_at: job.finishedAt.toISOString() }),
    };
    if (job.finishedAt === null || job.purgedAt !== null) return facts;
    const results = await resultsOf(db, job, await jobRedaction(context, db, job), {
      after,
      limit: limit + 1,
    });
    const last = results[limit - 1];
    const more = results.length > limit && last !== undefined ? { more_after: last.index } : {};
    return { ...facts, results: results.slice(0, limit), ...more };
  },
});

async function resultsOf(
  db: Database,
  { id }: BatchJob,
  redaction: Redaction,
  page: { readonly after: number; readonly limit: number },
) {
  const records = await listResults(db, id, { ...page, statuses: finalStatuses });
  const failures = await listFailures(db, id, page);
  const errors = new Map(
    failures.map((failed) => [failed.index, describeFailure(redacted(failed, redaction)).error]),
  );
  return records.map((record) => {
    const error = errors.get(record.index);
    return {
      index: record.index,
      ...(record.id === null ? {} : { id: record.id }),
      status: record.status,
      ...(error === undefined ? { result: redactedResult(record, redaction).result } : { error }),
    };
  });
}

const notFound = (id: string) =>
  new SluiceError('batch_job_not_found', `No batch job of this API has the id "${id.slice(0, 60)}".`);
