import { readFile, stat } from 'node:fs/promises';
import { SluiceError } from '../domain/sluice-error.ts';
import { visibleValue } from '../domain/visible-text.ts';
import type { OperationContext } from './context.ts';
import { downloadPath, writtenFor } from './export-file.ts';
import { getBatchJob } from './find-batch-job.ts';
import { getBatchStatus } from './get-batch-status.ts';
import { jobRedaction } from './job-flow.ts';
import { refusePurged } from './purged.ts';
import { writeErrorFile } from './write-error-files.ts';
import { withResult, writeResultFile } from './write-result-files.ts';

/** Something that can be read by its address. */
export interface Resource {
  readonly uri: string;
  readonly mimeType: string;
  readonly text: string;
}

export interface ResourceTemplate {
  readonly uriTemplate: string;
  readonly name: string;
  readonly description: string;
  readonly mimeType: string;
}

/** Larger exports are read from their file; what a client takes in one piece is limited. */
const bytesAtMost = 1_000_000;

export const resourceTemplates: readonly ResourceTemplate[] = [
  {
    uriTemplate: 'batch://jobs/{id}',
    name: 'batch-job',
    description: 'Status of a batch job, as get_batch_status answers it',
    mimeType: 'application/json',
  },
  {
    uriTemplate: 'batch://jobs/{id}/errors.csv',
    name: 'batch-errors-csv',
    description: 'Failed records of a batch job: the original columns and what went wrong',
    mimeType: 'text/csv',
  },
  {
    uriTemplate: 'batch://jobs/{id}/errors.ndjson',
    name: 'batch-errors-ndjson',
    description: 'Failed records of a batch job, one JSON object a line',
    mimeType: 'application/x-ndjson',
  },
  {
    uriTemplate: 'batch://jobs/{id}/results.csv',
    name: 'batch-results-csv',
    description: 'Succeeded records of a batch job: the original columns and what the flow returned',
    mimeType: 'text/csv',
  },
  {
    uriTemplate: 'batch://jobs/{id}/results.ndjson',
    name: 'batch-results-ndjson',
    description: 'Succeeded records of a batch job with their results, one JSON object a line',
    mimeType: 'application/x-ndjson',
  },
  {
    uriTemplate: 'flow://{name}',
    name: 'flow',
    description: 'The text of a flow',
    mimeType: 'application/yaml',
  },
];

const jobUri = /^batch:\/\/jobs\/([0-9a-z-]{1,40})(?:\/(errors|results)\.(csv|ndjson))?$/;
const flowUri = /^flow:\/\/([^/]{1,200})$/;

/** @throws SluiceError for an address that leads nowhere. */
export async function readResource(context: OperationContext, uri: string): Promise<Resource> {
  const [, id, what, format] = jobUri.exec(uri) ?? [];
  if (id !== undefined && format === undefined) {
    const status = await getBatchStatus.run(context, {
      batch_job_id: id,
      wait_seconds: 0,
      response_format: 'concise',
    });
    return { uri, mimeType: 'application/json', text: JSON.stringify(visibleValue(status)) };
  }
  if (id !== undefined)
    return exportOf(context, uri, { id, what, format: format === 'csv' ? 'csv' : 'ndjson' });
  const name = readFlowUri(uri);
  if (name !== undefined) {
    const flow = await context.flows.find(name);
    return { uri, mimeType: 'application/yaml', text: flow.text };
  }
  throw noSuchResource(uri);
}

export function noSuchResource(uri: string): SluiceError {
  const known = resourceTemplates.map(({ uriTemplate }) => uriTemplate).join(', ');
  return new SluiceError(
    'invalid_input',
    `There is no resource ${uri.slice(0, 100)}. Addresses look like ${known}.`,
  );
}

/** The name of a flow in its address; undefined: it is no address of a flow. */
export function readFlowUri(uri: string): string | undefined {
  const name = flowUri.exec(uri)?.[1];
  return name === undefined ? undefined : decoded(name);
}

/** Percent signs that encode nothing are part of a name nobody has. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

async function exportOf(
  context: OperationContext,
  uri: string,
  { id, what, format }: { id: string; what: string | undefined; format: 'csv' | 'ndjson' },
): Promise<Resource> {
  const { db } = await context.open();
  const job = await getBatchJob(db, id);
  refusePurged(job);
  const folder = context.exportsFolder;
  const redaction = await jobRedaction(context, db, job);
  const writing =
    what === 'errors'
      ? writeErrorFile(db, job.id, folder, format, redaction)
      : writeResultFile(db, { batchJobId: job.id, folder, format, statuses: withResult, redaction });
  const path = await writtenFor(context, writing);
  const mimeType = format === 'csv' ? 'text/csv' : 'application/x-ndjson';
  const place =
    context.isRemote === true
      ? `It is downloaded at ${downloadPath(job.id, what === 'errors' ? what : 'results', format)}.`
      : `It is the file ${path}.`;
  return { uri, mimeType, text: await wholeOf(path, place) };
}

/** A text that was cut would be no CSV any more, so a file is given whole or not at all. */
async function wholeOf(path: string, place: string): Promise<string> {
  const { size } = await stat(path);
  if (size <= bytesAtMost) return readFile(path, 'utf8');
  throw new SluiceError(
    'invalid_input',
    `The export has ${size} bytes, too many to be read in one piece. ${place}`,
  );
}
