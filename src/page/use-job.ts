import { useEffect, useState } from 'preact/hooks';
import type { Job } from './answers.ts';
import { segment } from './api.ts';
import { type Counts, totalOf } from './counts.tsx';
import { followEvents, type StreamEvent } from './event-stream.ts';
import { useShared } from './shared-value.ts';
import { tokenChanges } from './token.ts';
import { type Answered, useAnswer } from './use-answer.ts';

/** Speed, time left and causes come with no event, so they are asked for; somebody else may retry a finished job. */
const runningMs = 3000;
const finishedMs = 10_000;

interface Progress {
  readonly status: string;
  readonly finished: boolean;
  readonly counts: Counts;
  readonly wave: number;
}

/** How far the job had come at a moment, in seconds since 1970. */
export interface Sample extends Progress {
  readonly at: number;
}

export interface FollowedJob extends Answered<Job> {
  /** What the newest event told; undefined: none has come. */
  readonly sample: Sample | undefined;
}

/** A job with its counts as events tell them, also when it goes on after its end. */
export function useJob(id: string): FollowedJob {
  const path = `/batches/${segment(id)}`;
  const [sample, setSample] = useState<Sample>();
  const [round, setRound] = useState(0);
  const [isOver, setOver] = useState(false);
  const token = useShared(tokenChanges);
  const asked = useAnswer<Job>(path, sample?.finished === false ? runningMs : finishedMs);
  const { answer, reload } = asked;

  useEffect(() => {
    const ending = new AbortController();
    const onEvent = (event: StreamEvent) => {
      setSample((before) => sampleOf(event, before));
      if (event.event === 'batch_state') reload();
    };
    setOver(false);
    void followEvents(`${path}/events`, onEvent, ending.signal).then(() => setOver(!ending.signal.aborted));
    return () => ending.abort();
  }, [path, round, token, reload]);

  const goesOn = isOver && answer?.finished === false;
  useEffect(() => {
    if (goesOn) setRound((count) => count + 1);
  }, [goesOn]);

  return { ...asked, answer: answer && merged(answer, sample), sample };
}

/** Events are newer than answers, but for those of a wave before. */
function merged(job: Job, sample: Sample | undefined): Job {
  if (sample === undefined || sample.wave < job.wave || (job.finished && !sample.finished)) return job;
  const { status, finished, counts } = sample;
  const failedNow = counts.failed + counts.retried_failed;
  return { ...job, status, finished, counts, total: totalOf(counts), failed_now: failedNow };
}

/** `batch_state` has the whole job, `batch_progress` its status and counts. */
function sampleOf({ data }: StreamEvent, before: Sample | undefined): Sample {
  const { timestamp, batch_job: job, status, counts } = data as EventData;
  const progress = job ?? { status, counts, finished: false, wave: before?.wave ?? 0 };
  return { ...progress, at: Date.parse(timestamp) / 1000 };
}

interface EventData extends Omit<Progress, 'wave'> {
  readonly timestamp: string;
  readonly batch_job?: Progress;
}
