import { type FileHandle, open } from 'node:fs/promises';
import type { RecordStatus } from '../domain/record.ts';
import type { OperationContext } from './context.ts';
import { type ExportFormat, writtenFor } from './export-file.ts';
import { getBatchJob } from './find-batch-job.ts';
import { jobRedaction } from './job-flow.ts';
import { refusePurged } from './purged.ts';
import { writeErrorFile } from './write-error-files.ts';
import { withResult, writeResultFile } from './write-result-files.ts';

export interface ExportWish {
  readonly batchJobId: string;
  readonly what: 'errors' | 'results';
  readonly format: ExportFormat;
  /** Of results only; default: those that succeeded. */
  readonly statuses?: readonly RecordStatus[] | undefined;
}

/** A file that is held open, so that it stays whole although a later export takes its place. */
export interface OpenExport {
  readonly name: string;
  readonly bytes: number;
  readonly handle: FileHandle;
}

/**
 * Writes an export and opens it. The caller closes its handle.
 *
 * @throws SluiceError when there is no such job, or no file can be written
 */
export async function openExport(context: OperationContext, wish: ExportWish): Promise<OpenExport> {
  const { db } = await context.open();
  const job = await getBatchJob(db, wish.batchJobId);
  refusePurged(job);
  const { exportsFolder: folder } = context;
  const redaction = await jobRedaction(context, db, job);
  const { what, format, statuses = withResult } = wish;
  const writing =
    what === 'errors'
      ? writeErrorFile(db, job.id, folder, format, redaction)
      : writeResultFile(db, { batchJobId: job.id, folder, format, statuses, redaction });
  const path = await writtenFor(context, writing);
  const handle = await open(path);
  const { size } = await handle.stat();
  return { name: `${job.id}-${what}.${format}`, bytes: size, handle };
}
