import { z } from 'zod';
import { recordStatuses } from '../domain/record.ts';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import { listMaybeApplied } from '../store/maybe-applied.ts';
import { cutTo } from './answer-size.ts';
import { failedNow } from './counts.ts';
import { leftOver } from './set-aside.ts';

const recordsNamed = 5;
/** What an id may cost, in tokens. */
const idTokens = 15;

export const maybeAppliedOutput = z.object({
  count: z.number().int(),
  first: z.array(
    z.object({ index: z.number().int(), id: z.string().optional(), status: z.enum(recordStatuses) }),
  ),
});

export type MaybeApplied = z.input<typeof maybeAppliedOutput>;

/** The records of a finished job that would be sent again and may have arrived already; undefined: there are none. */
export async function maybeAppliedOf(db: Database, job: BatchJob): Promise<MaybeApplied | undefined> {
  const isOpen = job.finishedAt !== null && job.purgedAt === null && failedNow(job) + leftOver(job) > 0;
  if (!isOpen || job.maybeApplied === 0) return undefined;
  const { count, records } = await listMaybeApplied(db, job.id, recordsNamed);
  if (count === 0) return undefined;
  const first = records.map(({ index, id, status }) => ({
    index,
    ...(id === null ? {} : { id: cutTo(id, idTokens) }),
    status,
  }));
  return { count, first };
}

/** What to mind before they are sent again. */
export function maybeAppliedStep(found: MaybeApplied | undefined): string | undefined {
  if (found === undefined) return undefined;
  return `Of ${found.count} of them the call may have arrived (may_have_arrived): look at the target first, or leave them out with select "maybe_applied": false.`;
}
