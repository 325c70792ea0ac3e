import { parseRate } from '../domain/rate.ts';
import { recentEnds } from '../store/recent-ends.ts';
import type { LaneOptions } from './lane-options.ts';
import { nameOf } from './log.ts';
import type { StartGate } from './start-gate.ts';

/** Tells a gate what has run lately in another lane: a rate holds over the change as well. Never rejects. */
export async function recallStarts(
  { db, job, log }: Pick<LaneOptions, 'db' | 'job' | 'log'>,
  gate: StartGate,
): Promise<void> {
  const rate = job.rate === null ? undefined : parseRate(job.rate);
  if (rate === undefined || job.startedAt === null) return;
  try {
    gate.remember(await recentEnds(db, job.id, rate));
  } catch (error) {
    log.warn({ batchJobId: job.id, error: nameOf(error) }, 'could not see what has run lately');
  }
}
