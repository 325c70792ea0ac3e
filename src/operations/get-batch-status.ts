import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Database } from '../store/database.ts';
import type { BatchJob } from '../store/jobs.ts';
import { roomFor, tokensOf } from './answer-size.ts';
import { deliveriesOf, deliveriesOutput } from './callbacks.ts';
import type { OperationContext } from './context.ts';
import {
  countsOutput,
  failedNow,
  flowFields,
  flowOutput,
  jobFields,
  jobOutput,
  percentOf,
  processedOf,
} from './counts.ts';
import { endingOf, endingOutput } from './ending.ts';
import { fitGroups, groupOutput, moreGroupsOutput, pageOfGroups, standingWith } from './failure-groups.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { maybeAppliedOf, maybeAppliedOutput } from './maybe-applied.ts';
import { obstacleAdvice } from './obstacle-advice.ts';
import { mustAnswer, standsStill } from './once-finished.ts';
import { defineOperation } from './operation.ts';
import { pausedOf, pausedOutput } from './paused.ts';
import { purgedOf, purgedOutput } from './purged.ts';
import { answerTokens, formatInput } from './response-format.ts';
import { setAsideOf, setAsideOutput } from './set-aside.ts';
import { nextStep } from './status-advice.ts';
import { throttledOf, throttledOutput } from './throttled.ts';
import { undoneOf, undoneOutput } from './undone.ts';
import { waitingFor, waitingOutput } from './waiting.ts';

/** A waiting call looks at the job after this time, then each time after twice as long, up to the longest; in milliseconds. */
const firstLookMs = 20;
const longestLookMs = 250;
/** Groups at most. */
const groupsShown = { concise: 5, detailed: 20 } as const;
/** What an answer says of groups it does not show, in tokens. */
const besides = 40;

export const getBatchStatus = defineOperation({
  name: 'get_batch_status',
  title: 'Get the status of a batch job',
  description: [
    'Says how far a batch job has come: how many records have each status (they always add up to total), speed, time left, and the causes of failures.',
    '',
    'Use it after start_batch and retry_batch_failed_records, with wait_seconds 30, again and again until finished is true.',
    'When failed_now is above zero, error_groups says why and what to do for each cause.',
  ].join('\n'),
  effect: 'read',
  input: z.strictObject({
    batch_job_id: batchJobIdInput,
    wait_seconds: z
      .number()
      .min(0)
      .max(50)
      .default(0)
      .describe('Seconds to wait for its end, a pause or trouble'),
    response_format: formatInput.describe('detailed: up to 20 error_groups'),
  }),
  output: z.object({
    ...jobOutput,
    flow: flowOutput,
    label: z.string().optional(),
    processed: z.number().int().describe('Records with a final status'),
    counts: countsOutput,
    failed_now: z.number().int().describe('failed + retried_failed'),
    percent: z.number(),
    rate: z.number().nullable().describe('Records settled per second in the present wave'),
    eta_seconds: z.number().nullable(),
    wave: z.number().int().describe('0 is the first pass; each retry of failed records adds 1'),
    concurrency: z.number().int(),
    intake: z.object({ state: z.enum(['reading', 'stopped']), rows_read: z.number().int() }).optional(),
    waiting_for: waitingOutput.optional(),
    paused: pausedOutput.optional(),
    throttled: throttledOutput.optional(),
    stopped_by: z.object({ reason: z.string(), message: z.string() }).optional(),
    deliveries: deliveriesOutput.optional().describe('Callbacks'),
    purged: purgedOutput.optional(),
    ...undoneOutput,
    ...setAsideOutput,
    ending: endingOutput.optional().describe("The flow's end part, once everything else is done"),
    maybe_applied: z.number().int().describe('Attempts whose answer was lost after the call was sent'),
    may_have_arrived: maybeAppliedOutput.optional().describe('Failed or skipped records among them'),
    error_groups: z.array(groupOutput),
    more_error_groups: moreGroupsOutput.optional().describe('Not shown'),
    started_at: z.string().nullable(),
    finished_at: z.string().optional(),
    next_step: z.string(),
  }),

  async run(context, { batch_job_id, wait_seconds, response_format: format }) {
    const { db, engine } = await context.open();
    const first = await getBatchJob(db, batch_job_id);
    engine.wake(first.id);
    const job = await waitFor(context, db, first, wait_seconds * 1000);
    const causes = await pageOfGroups(context, db, job, { limit: groupsShown[format] });
    const facts = await describeJob(context, db, standingWith(job, causes));
    const room = roomFor(context, answerTokens[format] - tokensOf(facts) - besides);
    const { groups, more } = fitGroups(causes, room);
    return { ...facts, error_groups: groups, ...(more === undefined ? {} : { more_error_groups: more }) };
  },
});

async function waitFor(
  context: OperationContext,
  db: Database,
  first: BatchJob,
  ms: number,
): Promise<BatchJob> {
  const until = performance.now() + ms;
  let job = first;
  let reported = Number.NEGATIVE_INFINITY;
  let lookMs = firstLookMs;
  while (!standsStill(job) && performance.now() < until && !mustAnswer(context)) {
    const done = processedOf(job);
    if (context.progress !== undefined && performance.now() - reported >= 1000) {
      reported = performance.now();
      context.progress({
        done,
        total: job.total,
        message: `${done} of ${job.total} records, ${failedNow(job)} failed`,
      });
    }
    await sleep(Math.min(lookMs, Math.max(until - performance.now(), 1)));
    lookMs = Math.min(2 * lookMs, longestLookMs);
    job = await getBatchJob(db, job.id);
  }
  return job;
}

/** Everything but the causes of failures. */
async function describeJob(context: OperationContext, db: Database, job: BatchJob) {
  const waiting = await waitingFor(db, job);
  const stopped = stoppedBy(job);
  const { ending, isCut } = await endingOf(db, job, context);
  const deliveries = await deliveriesOf(db, job);
  const purged = purgedOf(job);
  const paused = pausedOf(job);
  const throttled = throttledOf(job);
  const processed = processedOf(job);
  const arrived = await maybeAppliedOf(db, job);
  const undone = await undoneOf(db, job);
  const remedy = waiting?.kind === 'connector' ? await obstacleAdvice(context, db, job) : undefined;
  return {
    ...jobFields(job),
    flow: flowFields(job),
    ...(job.label === null ? {} : { label: job.label }),
    processed,
    counts: job.counts,
    failed_now: failedNow(job),
    percent: percentOf(processed, job.total),
    ...speedOf(job, waiting !== undefined),
    wave: job.wave,
    concurrency: job.waveConcurrency,
    ...(job.intake === 'done' ? {} : { intake: { state: job.intake, rows_read: job.intakePosition } }),
    ...(waiting === undefined ? {} : { waiting_for: waiting }),
    ...(paused === undefined ? {} : { paused }),
    ...(throttled === undefined ? {} : { throttled }),
    ...(stopped === undefined ? {} : { stopped_by: stopped }),
    ...(ending === undefined ? {} : { ending }),
    ...(deliveries === undefined ? {} : { deliveries }),
    ...(purged === undefined ? {} : { purged }),
    ...undone,
    ...(await setAsideOf(db, job)),
    maybe_applied: job.maybeApplied,
    ...(arrived === undefined ? {} : { may_have_arrived: arrived }),
    started_at: job.startedAt?.toISOString() ?? null,
    ...(job.finishedAt === null ? {} : { finished_at: job.finishedAt.toISOString() }),
    next_step: nextStep(job, waiting, { ending, isCut, remedy, arrived, ...undone }),
  };
}

/** How long a job that waits still takes, nobody knows. */
function speedOf(job: BatchJob, waits: boolean): { rate: number | null; eta_seconds: number | null } {
  const done = job.waveDone - untriedOf(job);
  if (job.waveSeconds <= 0 || done <= 0) return { rate: null, eta_seconds: null };
  const rate = done / job.waveSeconds;
  const left = job.counts.pending + job.counts.processing;
  // Of a job that was stopped, what is left is skipped.
  const goesOn = job.finishedAt === null && job.status !== 'cancelled' && job.status !== 'failed';
  const known = goesOn && job.intake !== 'reading' && !waits;
  return { rate: Math.round(rate * 10) / 10, eta_seconds: known ? Math.ceil(left / rate) : null };
}

/** Records that count as done because the job was stopped. How many of them are from earlier waves is not known. */
function untriedOf({ stopReason, wave, waveDone, counts }: BatchJob): number {
  if (stopReason === null || counts.skipped === 0) return 0;
  return wave === 0 ? counts.skipped : waveDone;
}

function stoppedBy(job: BatchJob): { reason: string; message: string } | undefined {
  if (job.stopReason === null) return undefined;
  const messages = {
    max_failures: `The job stopped because ${job.waveFailed} records had failed (max_failures ${job.maxFailures}).`,
    max_failure_rate: `The job stopped: ${job.stopMessage ?? 'too many records failed (max_failure_rate)'}`,
    first_failure: 'The job stopped at the first failed record (continue_on_error false).',
    cancelled: 'The job was cancelled.',
    source_broken: `The source could not be read on: ${job.stopMessage ?? 'no reason is known'}`,
  };
  return { reason: job.stopReason, message: messages[job.stopReason] };
}
