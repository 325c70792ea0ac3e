import { open } from 'node:fs/promises';
import { SluiceError } from '../domain/sluice-error.ts';
import type { OperationContext } from './context.ts';
import { getBatchJob } from './find-batch-job.ts';
import { getBatchStatus } from './get-batch-status.ts';
import { type ErrorFormat, writeErrorFile } from './write-error-files.ts';

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
const charactersAtMost = 1_000_000;

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
    uriTemplate: 'flow://{name}',
    name: 'flow',
    description: 'The text of a flow',
    mimeType: 'application/yaml',
  },
];

const jobUri = /^batch:\/\/jobs\/([0-9a-z-]{1,40})(?:\/errors\.(csv|ndjson))?$/;
const flowUri = /^flow:\/\/([^/]{1,200})$/;

/** @throws SluiceError for an address that leads nowhere. */
export async function readResource(context: OperationContext, uri: string): Promise<Resource> {
  const [, id, format] = jobUri.exec(uri) ?? [];
  if (id !== undefined && format === undefined) {
    const status = await getBatchStatus.run(context, { batch_job_id: id, wait_seconds: 0 });
    return { uri, mimeType: 'application/json', text: JSON.stringify(status) };
  }
  if (id !== undefined) return errorsOf(context, uri, id, format as ErrorFormat);
  const name = flowUri.exec(uri)?.[1];
  if (name !== undefined) {
    const flow = await context.flows.find(decodeURIComponent(name));
    return { uri, mimeType: 'application/yaml', text: flow.text };
  }
  const known = resourceTemplates.map(({ uriTemplate }) => uriTemplate).join(', ');
  throw new SluiceError(
    'invalid_input',
    `There is no resource ${uri.slice(0, 100)}. Addresses look like ${known}.`,
  );
}

async function errorsOf(
  context: OperationContext,
  uri: string,
  id: string,
  format: ErrorFormat,
): Promise<Resource> {
  const { db } = await context.open();
  const job = await getBatchJob(db, id);
  const path = await writeErrorFile(db, job.id, context.exportsFolder, format);
  const mimeType = format === 'csv' ? 'text/csv' : 'application/x-ndjson';
  return { uri, mimeType, text: await beginningOf(path) };
}

async function beginningOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, charactersAtMost));
    await file.read(buffer);
    const text = buffer.toString();
    return size <= charactersAtMost
      ? text
      : `${text.slice(0, text.lastIndexOf('\n') + 1)}# cut here; the whole file is ${path}\n`;
  } finally {
    await file.close();
  }
}
