import { listJobs } from '../store/jobs.ts';
import type { OperationContext } from './context.ts';

const jobsOffered = 100;

/** Names of flows that begin with, or else hold, what has been typed. */
export async function completeFlow(context: OperationContext, typed: string): Promise<string[]> {
  const loaded = await context.flows.loaded();
  const names = loaded.flatMap(({ flow }) => (flow === undefined ? [] : [flow.name]));
  return fitting([...new Set(names)].sort(), typed);
}

/** `latest` and the ids of the newest jobs, newest first, that begin with what has been typed. */
export async function completeJob(context: OperationContext, typed: string): Promise<string[]> {
  const { db } = await context.open();
  const jobs = await listJobs(db, { limit: jobsOffered });
  return fitting(['latest', ...jobs.map(({ id }) => id)], typed);
}

function fitting(words: readonly string[], typed: string): string[] {
  const wanted = typed.trim().toLowerCase();
  const beginning = words.filter((word) => word.toLowerCase().startsWith(wanted));
  const holding = words.filter((word) => word.toLowerCase().includes(wanted) && !beginning.includes(word));
  return [...beginning, ...holding];
}
