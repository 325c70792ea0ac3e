import { z } from 'zod';
import type { Database } from '../store/database.ts';
import { countSetAside } from '../store/intake.ts';
import type { BatchJob } from '../store/jobs.ts';

const count = z.number().int();

/** What became of the rows that did not have to run, or were compared with what was sent before. */
export const setAsideOutput = {
  changes: z
    .object({ new: count, changed: count, unchanged: count })
    .optional()
    .describe('skip_unchanged: unchanged ones are among the skipped'),
  duplicates_skipped: count.optional(),
};

export async function setAsideOf(db: Database, job: BatchJob) {
  const skipsDuplicates = job.duplicates === 'skip';
  const duplicates = skipsDuplicates ? await duplicatesOf(db, job) : 0;
  const changes = {
    new: job.newRecords,
    changed: job.changedRecords,
    unchanged: job.setAside - duplicates,
  };
  return {
    ...(job.skipUnchanged ? { changes } : {}),
    ...(skipsDuplicates ? { duplicates_skipped: duplicates } : {}),
  };
}

/** The job counts what was set aside for either reason; they have to be told apart only if it may be both. */
function duplicatesOf(db: Database, { id, setAside, skipUnchanged }: BatchJob): Promise<number> | number {
  return setAside > 0 && skipUnchanged ? countSetAside(db, id, 'duplicate') : setAside;
}

/** Records that were skipped by a limit or a cancel, and can go on. */
export const leftOver = ({ counts, setAside }: BatchJob) => counts.skipped - setAside;
