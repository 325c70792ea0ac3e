import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import { findWithIds } from '../store/retry-candidates.ts';
import type { RetryDraft } from './retry-draft.ts';

/** Refuses records that a patch gives the id of another one, if the job was started so that none has. */
export async function refuseTakenIds(db: Database, job: BatchJob, draft: RetryDraft): Promise<void> {
  if (job.duplicates === 'allow') return;
  const takers = new Map<string, number>();
  const refuse = (index: number, other: number) =>
    draft.refuse(`record ${index}`, `has the id of record ${other} now, and each id may come once`);
  for (const { index, id } of draft.renamed) {
    if (id === undefined) continue;
    const first = takers.get(id);
    if (first === undefined) takers.set(id, index);
    else refuse(index, first);
  }
  const leaving = new Set(takers.values());
  for (const { index: other, id } of await findWithIds(db, job.id, [...takers.keys()])) {
    const taker = takers.get(id);
    if (taker !== undefined && taker !== other && !leaving.has(other)) refuse(taker, other);
  }
}
