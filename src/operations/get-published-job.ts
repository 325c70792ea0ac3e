import { z } from 'zod';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Flow } from '../flows/flow.ts';
import { fullRedaction, redactionOf } from '../flows/redaction.ts';
import type { Database } from '../store/database.ts';
import { listFailures } from '../store/failures.ts';
import { type BatchJob, findJob } from '../store/jobs.ts';
import { listResults, type RecordResult } from '../store/results.ts';
import { countsOutput, failedNow, jobFields, jobOutput, processedOf } from './counts.ts';
import { countAtMost, textInput } from './input-limits.ts';
import { jobFlow } from './job-flow.ts';
import { onceFinished } from './once-finished.ts';
import { defineOperation } from './operation.ts';
import { errorOf, errorOutput } from './record-error.ts';
import { isUuid } from './stored-forms.ts';
import { redacted } from './write-error-files.ts';
import { redactedResult } from './write-result-files.ts';

const count = z.number().int();
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
    wait_seconds: z.number().min(0).max(50).default(0),
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
          error: errorOutput.optional(),
        }),
      )
      .optional(),
    more_after: count.optional(),
  }),

  async run(context, { flow, batch_job_id, wait_seconds, limit, after }) {
    const { db, engine } = await context.open();
    const look = () => findPublishedJob(db, flow, batch_job_id);
    const first = await look();
    engine.wake(first.id);
    const job = await onceFinished(first, { ms: wait_seconds * 1000, context, look });
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
    const pinned = await jobFlow(context, db, job);
    const results = await resultsOf(db, job, pinned.flow, { after, limit: limit + 1 });
    const last = results[limit - 1];
    const more = results.length > limit && last !== undefined ? { more_after: last.index } : {};
    return { ...facts, results: results.slice(0, limit), ...more };
  },
});

async function findPublishedJob(db: Database, flow: string, id: string): Promise<BatchJob> {
  const job = isUuid(id) ? await findJob(db, id) : undefined;
  if (job === undefined || job.flow.name !== flow) throw notFound(id);
  return job;
}

async function resultsOf(
  db: Database,
  { id }: BatchJob,
  flow: Flow | undefined,
  page: { readonly after: number; readonly limit: number },
) {
  const redaction = flow === undefined ? fullRedaction : redactionOf(flow.redact);
  const records = await listResults(db, id, { ...page, statuses: finalStatuses });
  const failures = await listFailures(db, id, page);
  const errors = new Map(
    failures.map((failed) => [failed.index, errorOf(redacted(failed, redaction).failure)]),
  );
  const given = (record: RecordResult) => {
    const made = responseTo(flow, record);
    if ('failure' in made) return { error: made.failure };
    return { result: redactedResult({ ...record, result: made.response }, redaction).result };
  };
  return records.map((record) => {
    const error = errors.get(record.index);
    return {
      index: record.index,
      ...(record.id === null ? {} : { id: record.id }),
      status: record.status,
      ...(error === undefined ? given(record) : { error }),
    };
  });
}

/** What the flow publishes of a result; a record that did not succeed has none to be made into anything. */
function responseTo(flow: Flow | undefined, { status, payload, result }: RecordResult) {
  const published = status === 'skipped' ? undefined : flow?.published?.response;
  return published?.of(payload, result) ?? { response: result };
}

const notFound = (id: string) =>
  new SluiceError('batch_job_not_found', `No batch job of this API has the id "${id.slice(0, 60)}".`);
