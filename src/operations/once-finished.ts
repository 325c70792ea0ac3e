import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchJob } from '../store/jobs.ts';
import type { OperationContext } from './context.ts';
import { isHindered } from './waiting.ts';

/** The waits between looks at a job, in milliseconds: small ones are done after a few. */
const looksMs = [10, 10, 20, 20, 40, 60, 100];

type Waiting = Pick<OperationContext, 'signal' | 'ending'>;

export interface Patience {
  /** Milliseconds. */
  readonly ms: number;
  readonly context: Waiting;
  readonly look: () => Promise<BatchJob>;
}

/** The job, when it has finished, does not go on by itself, or the time is over. */
export async function onceFinished(first: BatchJob, { ms, context, look }: Patience): Promise<BatchJob> {
  const until = performance.now() + ms;
  let job = first;
  for (let n = 0; !standsStill(job) && performance.now() < until && !mustAnswer(context); n++) {
    await sleep(looksMs[n] ?? looksMs.at(-1));
    job = await look();
  }
  return job;
}

/** Nobody waits any more, or nobody can be kept waiting. */
export const mustAnswer = ({ signal, ending }: Waiting): boolean =>
  signal.aborted || ending?.aborted === true;

/** Nothing will happen to it by itself. */
export const standsStill = (job: BatchJob): boolean =>
  job.finishedAt !== null || job.status === 'paused' || isHindered(job);
