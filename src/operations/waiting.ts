import { z } from 'zod';
import { isEnding } from '../engine/obstacles.ts';
import { nextDueInMs } from '../store/claims.ts';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import { awaitedByPaused } from './paused.ts';

/** A job without a process for this long is said to wait for one. */
const nobodyRunsItSeconds = 3;
const waits = ['connector', 'process', 'retry', 'circuit', 'approval'] as const;

export const waitingOutput = z.object({ kind: z.enum(waits), since: z.string(), text: z.string() });

export type Waiting = z.output<typeof waitingOutput>;

/** Something is missing that its records need; a job that is only wound up needs nothing. */
export const isHindered = (job: BatchJob): job is BatchJob & { readonly obstacle: string } =>
  job.obstacle !== null && !isEnding(job);

/** What an unfinished job waits for, if it does not run. */
export async function waitingFor(db: Database, job: BatchJob): Promise<Waiting | undefined> {
  if (job.finishedAt !== null) return undefined;
  if (job.status === 'paused') return awaitedByPaused(job);
  if (isHindered(job)) {
    return {
      kind: 'connector',
      since: (job.obstacleSince ?? job.createdAt).toISOString(),
      text: job.obstacle,
    };
  }
  const since = (job.startedAt ?? job.createdAt).toISOString();
  const begunSeconds = job.wave === 0 ? job.ageSeconds : job.waveSeconds;
  if (!job.held && begunSeconds > nobodyRunsItSeconds) {
    const text =
      'No process runs this job at the moment. The background runner takes it up within seconds; without one a server does that is asked about it, or `sluice run`.';
    return { kind: 'process', since, text };
  }
  if (job.counts.processing > 0 || job.waveTried === 0) return undefined;
  const due = await nextDueInMs(db, job.id);
  if (due === undefined || due <= 0) return undefined;
  return {
    kind: 'retry',
    since,
    text: `Failed attempts are repeated later, the next one in ${Math.ceil(due / 1000)} s.`,
  };
}
