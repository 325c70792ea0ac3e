import { join } from 'node:path';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import type { OperationContext } from './context.ts';
import { wholeEnding } from './ending.ts';
import { writeExport } from './export-file.ts';

/** Where the caller finds all that the end part of a job returned; undefined: it returned nothing, or not yet. */
export async function endingFile(
  { exportsFolder, isRemote }: OperationContext,
  db: Database,
  job: BatchJob,
): Promise<string | undefined> {
  const result = await wholeEnding(db, job);
  if (result === null) return undefined;
  if (isRemote === true) return `/api/v1/batches/${job.id}`;
  const path = join(exportsFolder, `${job.id}-ending.json`);
  return writeExport<typeof result>(exportsFolder, path, 'ndjson', {
    rows: async function* () {
      yield result;
    },
    toJson: (whole) => whole,
    fields: () => ({}),
    ownColumns: {},
  });
}
