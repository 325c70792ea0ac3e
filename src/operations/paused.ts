import { z } from 'zod';
import { pauseKinds } from '../domain/job.ts';
import type { BatchJob } from '../store/jobs.ts';

export const pausedOutput = z.object({
  kind: z.enum(pauseKinds),
  since: z.string(),
  message: z.string(),
  tries_again_at: z.string().optional(),
});

/** Why a job is paused; undefined: it is not. */
export function pausedOf(job: BatchJob): z.output<typeof pausedOutput> | undefined {
  if (job.status !== 'paused') return undefined;
  return {
    kind: job.pauseKind ?? 'caller',
    since: (job.pausedAt ?? job.createdAt).toISOString(),
    message: job.pauseMessage ?? 'Somebody asked for it.',
    ...(job.probeAt === null ? {} : { tries_again_at: job.probeAt.toISOString() }),
  };
}

/** What to do about a paused job. */
export function pausedStep(job: BatchJob): string {
  const id = `"batch_job_id": "${job.id}"`;
  const resume = `update_batch {${id}, "action": "resume"}`;
  const cancel = `update_batch {${id}, "action": "cancel"}`;
  const steps = {
    caller: `Paused. ${resume} goes on.`,
    limit: `Paused, because as many records failed as may: error_groups says why. ${resume} goes on, and as many may fail again; ${cancel} gives up.`,
    circuit: `Do not poll: waiting_for says what is wrong. Single records try from time to time, and the job goes on by itself once the target answers.${slower(job)} ${resume} goes on at full concurrency at once, so only for a target that is known to be well; ${cancel} gives up.`,
    ramp: `Paused, because too many of the first records failed: error_groups says why. ${resume} goes on with more of them; ${cancel} gives up.`,
    approval: `Nothing has been sent. Ask the person to run \`sluice approve ${job.id}\` at a terminal; no tool can do that. ${cancel} gives up.`,
  };
  return steps[job.pauseKind ?? 'caller'];
}

function slower({ id, pauseMessage }: BatchJob): string {
  if (pauseMessage === null || !/ 429\b/.test(pauseMessage)) return '';
  return ` It is called too often: update_batch {"batch_job_id": "${id}", "rate": "5/s"} starts so many records in a time as the target allows.`;
}

type PauseWait = { kind: 'approval' | 'circuit'; since: string; text: string };

/** What a paused job waits for that is not the caller; undefined: for nothing. */
export function awaitedByPaused(job: BatchJob): PauseWait | undefined {
  const paused = pausedOf(job);
  if (paused?.kind === 'approval') {
    return {
      kind: 'approval',
      since: paused.since,
      text: `A person has to run \`sluice approve ${job.id}\`.`,
    };
  }
  if (paused?.kind !== 'circuit') return undefined;
  const again = paused.tries_again_at === undefined ? '' : ` The next try is at ${paused.tries_again_at}.`;
  return { kind: 'circuit', since: paused.since, text: `${paused.message}${again}` };
}
