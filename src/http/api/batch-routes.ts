import type { JsonObject } from '../../domain/json.ts';
import { exportBatchErrors } from '../../operations/export-batch-errors.ts';
import { exportBatchResults } from '../../operations/export-batch-results.ts';
import { getBatch } from '../../operations/get-batch.ts';
import { listBatchJobs } from '../../operations/list-batch-jobs.ts';
import { previewBatch } from '../../operations/preview-batch.ts';
import { retryOnce } from '../../operations/retry-once.ts';
import { startBatch } from '../../operations/start-batch.ts';
import { undoBatch } from '../../operations/undo-batch.ts';
import { updateBatch } from '../../operations/update-batch.ts';
import { jobWordSchemas, startWordSchemas, statusWords, toStartWords, withJobWords } from './job-words.ts';
import { apiBase, keyHeader, type Route, retryStatus, route } from './route.ts';

const group = 'Batches';
const page = { limit: { byDefault: 50 }, cursor: {} } as const;
const detailed = { response_format: 'detailed' } as const;
const { id, total_count } = jobWordSchemas as Record<'id' | 'total_count', JsonObject>;

const batchPath = (batchJobId: unknown) => `${apiBase}/batches/${String(batchJobId)}`;

/** Where the whole of an export is, unless there is nothing in it. */
const withFiles = (what: 'errors' | 'results') => (answer: JsonObject) => {
  const { batch_job_id: job, total, total_failed: failed } = answer;
  const url = (format: string) => ({ url: `${batchPath(job)}/${what}.${format}` });
  const files = { csv: url('csv'), ndjson: url('ndjson'), json: url('json') };
  return { ...answer, ...((total ?? failed) === 0 ? {} : { files }) };
};

const fileUrl = { type: 'object', properties: { url: { type: 'string' } }, required: ['url'] };
const files = {
  files: { type: 'object', properties: { csv: fileUrl, ndjson: fileUrl, json: fileUrl } },
} as const;

export const batchRoutes: readonly Route[] = [
  route({
    method: 'post',
    path: '/batches',
    id: 'startBatch',
    group,
    summary: 'Start a batch job',
    operation: startBatch,
    body: 'required',
    header: keyHeader,
    reshape: toStartWords,
    aliases: startWordSchemas,
    extend: withJobWords,
    added: { id, total_count },
    status: ({ replayed }) => (replayed === true ? 200 : 201),
    statuses: [201, 200],
    headers: ({ batch_job_id }) => ({ location: batchPath(batch_job_id) }),
    example: {
      request: {
        flow_id: 'customer-import',
        records: [{ name: 'Ada', email: 'ada@example.com' }],
        concurrency: 5,
        batch: { max_failures: 10 },
        idempotency_key: 'import-2026-01-31',
      },
    },
  }),
  route({
    method: 'get',
    path: '/batches',
    id: 'listBatches',
    group,
    summary: 'List batch jobs, newest first',
    operation: listBatchJobs,
    query: {
      flow: { parameter: 'flow_id' },
      flow_id: { about: 'The same as flow' },
      status: { words: statusWords, about: `Also ${Object.keys(statusWords).join(', ')}` },
      since: {},
      ...page,
      offset: {},
    },
    fixed: detailed,
    extend: (answer) => ({ ...answer, jobs: (answer.jobs as JsonObject[]).map(withJobWords) }),
    addedWithin: { list: 'jobs', fields: jobWordSchemas },
    example: { query: '?flow=customer-import&status=running&limit=50' },
  }),
  route({
    method: 'get',
    path: '/batches/{batch_job_id}',
    id: 'getBatch',
    group,
    summary: 'Get a batch job, with or without its records',
    operation: getBatch,
    query: {
      include: {},
      statuses: {},
      ...page,
      wait_seconds: {},
    },
    extend: withJobWords,
    added: jobWordSchemas,
    example: { query: '?include=records&statuses=failed,retried_failed' },
  }),
  route({
    method: 'patch',
    path: '/batches/{batch_job_id}',
    id: 'updateBatch',
    group,
    summary: 'Cancel, pause, resume or adjust a batch job',
    operation: updateBatch,
    body: 'required',
    extend: withJobWords,
    added: jobWordSchemas,
    example: { request: { action: 'pause' } },
  }),
  route({
    method: 'post',
    path: '/batches/{batch_job_id}/retry',
    id: 'retryBatch',
    group,
    summary: 'Retry failed records of a batch job',
    operation: retryOnce,
    body: 'optional',
    header: keyHeader,
    status: retryStatus,
    statuses: [202, 200],
    headers: ({ batch_job_id }) => ({ location: batchPath(batch_job_id) }),
    example: { request: { select: { group_ids: ['3f2a9c01'] }, concurrency: 2 } },
  }),
  route({
    method: 'post',
    path: '/batches/{batch_job_id}/undo',
    id: 'undoBatch',
    group,
    summary: 'Take back what a batch job has sent; only shown unless preview is false',
    operation: undoBatch,
    body: 'optional',
    status: ({ batch_job_id }) => (batch_job_id === undefined ? 200 : 202),
    statuses: [202, 200],
    headers: ({ batch_job_id }): Record<string, string> =>
      batch_job_id === undefined ? {} : { location: batchPath(batch_job_id) },
    example: { request: { preview: false } },
  }),
  route({
    method: 'get',
    path: '/batches/{batch_job_id}/errors',
    id: 'listErrors',
    group,
    summary: 'Failed records of a batch job, and the causes on the first page',
    operation: exportBatchErrors,
    query: { ...page, group_id: {}, dead_letters: {}, groups_cursor: {} },
    fixed: detailed,
    extend: withFiles('errors'),
    added: files,
    example: { query: '?limit=50' },
  }),
  route({
    method: 'get',
    path: '/batches/{batch_job_id}/results',
    id: 'listResults',
    group,
    summary: 'What the flow returned for finished records',
    operation: exportBatchResults,
    query: { ...page, statuses: {} },
    extend: withFiles('results'),
    added: files,
    example: { query: '?statuses=succeeded,retried_success' },
  }),
  route({
    method: 'post',
    path: '/previews',
    id: 'previewBatch',
    group,
    summary: 'Show what a start would do, and send nothing',
    operation: previewBatch,
    body: 'required',
    reshape: toStartWords,
    aliases: startWordSchemas,
    example: {
      request: { flow_id: 'customer-import', records: [{ name: 'Ada', email: 'ada@example.com' }] },
    },
  }),
];
