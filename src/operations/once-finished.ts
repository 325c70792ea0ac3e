import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchJob } from '../store/jobs.ts';

/** The waits between looks at a job, in milliseconds: small ones are done after a few. */
const looksMs = [10, 10, 20, 20, 40, 60, 100];

export interface Patience {
  /** Milliseconds. */
  readonly ms: number;
  readonly signal: AbortSignal;
  readonly look: () => Promise<BatchJob>;
}

/** The job, when it has finished, does not go on by itself, or the time is over. */
export async function onceFinished(first: BatchJob, { ms, signal, look }: Patience): Promise<BatchJob> {
  const until = performance.now() + ms;
  let job = first;
  for (let n = 0; !standsStill(job) && performance.now() < until && !signal.aborted; n++) {
    await sleep(looksMs[n] ?? looksMs.at(-1));
    job = await look();
  }
  return job;
}

const standsStill = (job: BatchJob) =>
  job.finishedAt !== null || job.status === 'paused' || job.obstacle !== null;
