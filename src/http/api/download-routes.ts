import { Readable } from 'node:stream';
import type { JsonObject } from '../../domain/json.ts';
import { checkInput } from '../../operations/check-input.ts';
import { openExport } from '../../operations/download-export.ts';
import { exportBatchErrors } from '../../operations/export-batch-errors.ts';
import { exportBatchResults } from '../../operations/export-batch-results.ts';
import { type ExportFormat, exportFormats } from '../../operations/export-file.ts';
import type { Operation } from '../../operations/operation.ts';
import { contextOf, type HttpOptions } from '../environment.ts';
import { jsonSchemaOf, propertyOf } from './json-schema.ts';
import { readQuery, refuseUnknown } from './read-query.ts';
import { type ApiContext, type Route, route } from './route.ts';

const mediaTypes: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  json: 'application/json; charset=utf-8',
};

const summaries = {
  errors: 'All failed records of a batch job, with their errors and payloads',
  results: 'All finished records of a batch job, with what the flow returned',
} as const;

/** How the results in a file are chosen: as those on a page. */
const choice = route({
  method: 'get',
  path: '/batches/{batch_job_id}/results',
  id: 'chosenResults',
  group: 'Batches',
  summary: summaries.results,
  operation: exportBatchResults,
  query: { statuses: {} },
});

const listOf = (operation: Operation, name: string): JsonObject =>
  propertyOf(jsonSchemaOf(operation.output, 'output'), name) ?? {};

/** What the files in JSON hold: what the pages show, with the payloads of results as well. */
const wholeFiles: Readonly<Record<'errors' | 'results', JsonObject>> = {
  errors: listOf(exportBatchErrors, 'errors'),
  results: withItems(listOf(exportBatchResults, 'results'), { payload: {} }),
};

function withItems(list: JsonObject, more: JsonObject): JsonObject {
  const { items = {} } = list as { items?: JsonObject };
  const { properties = {} } = items as { properties?: JsonObject };
  return { ...list, items: { ...items, properties: { ...properties, ...more } } };
}

const statusesSchema = propertyOf(jsonSchemaOf(exportBatchResults.input, 'input'), 'statuses') ?? {};

export const downloadRoutes: readonly Route[] = (['errors', 'results'] as const).flatMap((what) =>
  exportFormats.map((format) => ({
    method: 'get',
    path: `/batches/{batch_job_id}/${what}.${format}`,
    id: `download${what === 'errors' ? 'Errors' : 'Results'}As${format.toUpperCase()}`,
    group: 'Batches',
    summary: `${summaries[what]}, as a file in ${format.toUpperCase()}`,
    parameters:
      what === 'errors' ? [] : [{ name: 'statuses', in: 'query', explode: false, schema: statusesSchema }],
    responses: {
      '200': {
        description: 'The whole file',
        content: {
          [mediaTypes[format].split(';')[0] ?? '']: {
            schema: format === 'json' ? wholeFiles[what] : { type: 'string' },
          },
        },
      },
    },
    handle: (c, options) => download(c, options, what, format),
  })),
);

async function download(
  c: ApiContext,
  options: HttpOptions,
  what: 'errors' | 'results',
  format: ExportFormat,
): Promise<Response> {
  if (what === 'errors') refuseUnknown(Object.keys(c.req.queries()), []);
  const { batch_job_id: batchJobId, statuses } = checkInput(exportBatchResults, {
    ...(what === 'errors' ? {} : readQuery(c, choice)),
    batch_job_id: c.req.param('batch_job_id'),
  });
  const file = await openExport(contextOf(options, c), { batchJobId, what, format, statuses });
  const headers = {
    'content-type': mediaTypes[format],
    'content-length': String(file.bytes),
    'content-disposition': `attachment; filename="${file.name}"`,
    'cache-control': 'no-store',
  };
  if (c.req.method === 'HEAD') {
    await file.handle.close();
    return c.body(null, 200, headers);
  }
  const bytes = file.handle.createReadStream({ autoClose: true });
  return c.body(Readable.toWeb(bytes) as ReadableStream, 200, headers);
}
