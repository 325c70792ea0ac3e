import { isJsonObject, type JsonObject } from '../../domain/json.ts';
import { exportBatchErrors } from '../../operations/export-batch-errors.ts';
import { getThroughput } from '../../operations/get-throughput.ts';
import { listRecords } from '../../operations/list-records.ts';
import { retryOnce } from '../../operations/retry-once.ts';
import { searchLogs } from '../../operations/search-logs.ts';
import { updateBatch } from '../../operations/update-batch.ts';
import { keyHeader, type Route, retryStatus, route } from './route.ts';

const page = { limit: { byDefault: 50 }, cursor: {} } as const;
const detailed = { response_format: 'detailed' } as const;

export const recordRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: '/batches/{batch_job_id}/records',
    id: 'listRecords',
    group: 'Records',
    summary: 'Records of a batch job, whatever their status',
    operation: listRecords,
    query: { statuses: {}, ...page },
    example: { query: '?statuses=pending,processing' },
  }),
  route({
    method: 'get',
    path: '/batches/{batch_job_id}/records/{index}',
    id: 'getRecord',
    group: 'Records',
    summary: "One record's whole story: its payload now and before, all attempts, waits and result",
    operation: searchLogs,
    query: page,
    fixed: detailed,
  }),
  route({
    method: 'get',
    path: '/batches/{batch_job_id}/throughput',
    id: 'getThroughput',
    group: 'Batches',
    summary: 'How many records were settled when, to be drawn',
    operation: getThroughput,
  }),
  route({
    method: 'get',
    path: '/dead-letters',
    id: 'listDeadLetters',
    group: 'Dead letters',
    summary: 'Failed records that are kept for a person, across all jobs',
    operation: exportBatchErrors,
    query: { flow: { parameter: 'flow_id' }, flow_id: { about: 'The same as flow' }, ...page },
    fixed: { dead_letters: true, ...detailed },
    example: { query: '?flow=customer-import' },
  }),
  route({
    method: 'post',
    path: '/dead-letters/retry',
    id: 'retryDeadLetters',
    group: 'Dead letters',
    summary: 'Send the dead letters of a job again',
    operation: retryOnce,
    body: 'required',
    header: keyHeader,
    reshape: onlyDeadLetters,
    status: retryStatus,
    statuses: [202, 200],
    example: { request: { batch_job_id: '0197a4c2-1b7e-7c3a-9b1f-2f6f0c0a1d2e' } },
  }),
  route({
    method: 'delete',
    path: '/dead-letters',
    id: 'dropDeadLetters',
    group: 'Dead letters',
    summary: 'Give up dead letters of a job; the records stay failed',
    operation: updateBatch,
    query: {
      batch_job_id: { isRequired: true },
      indexes: {
        parameter: 'drop_dead_letters',
        schema: { type: 'array', items: { type: 'integer', minimum: 0 } },
        byDefault: 'all',
        about: 'Only these; default all of the job',
      },
    },
    example: { query: '?batch_job_id=0197a4c2-1b7e-7c3a-9b1f-2f6f0c0a1d2e&indexes=3,17' },
  }),
  route({
    method: 'get',
    path: '/logs',
    id: 'searchLogs',
    group: 'Logs',
    summary: 'Search attempts and events, newest first',
    operation: searchLogs,
    query: {
      flow: { parameter: 'flow_id' },
      flow_id: { about: 'The same as flow' },
      batch_job_id: {},
      index: {},
      status: {},
      since: {},
      text: {},
      ...page,
    },
    fixed: detailed,
    example: { query: '?flow=customer-import&status=failed&since=1h' },
  }),
];

function onlyDeadLetters(given: JsonObject): JsonObject {
  const { select = {} } = given;
  return { ...given, select: isJsonObject(select) ? { ...select, dead_letters: true } : select };
}
