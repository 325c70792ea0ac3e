import { z } from 'zod';
import type { Database } from '../store/database.ts';
import { countGone, findUndone } from '../store/earlier-records.ts';
import type { BatchJob } from '../store/jobs.ts';

/** What the status of a job says about taking its records back. */
export const undoneOutput = {
  undo_of: z.string().optional(),
  undone: z.number().int().optional().describe('Records taken back since'),
  gone_already: z.number().int().optional(),
};

/** Looking at the results of more records would hold the answer up. */
const countedAtMost = 50_000;

export async function undoneOf(
  db: Database,
  { id, undoOf, finishedAt, counts }: BatchJob,
): Promise<z.output<z.ZodObject<typeof undoneOutput>>> {
  const succeeded = counts.succeeded + counts.retried_success;
  if (undoOf !== null) {
    const isCounted = finishedAt !== null && succeeded <= countedAtMost;
    const gone = isCounted ? await countGone(db, id) : 0;
    return { undo_of: undoOf, ...(gone === 0 ? {} : { gone_already: gone }) };
  }
  if (finishedAt === null || succeeded === 0) return {};
  const { undone } = await findUndone(db, id);
  // A record that two undo jobs have tried may have been taken back twice.
  return undone === 0 ? {} : { undone: Math.min(undone, succeeded) };
}
