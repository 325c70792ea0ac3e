import { z } from 'zod';
import type { BatchJob } from '../store/jobs.ts';
import { readThroughput, type Stretch } from '../store/throughput.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { defineOperation } from './operation.ts';
import { refusePurged } from './purged.ts';

/** Stretches in which something was settled; a job has long pauses as well, such as that before a retry. */
const stretchesAtMost = 150;
/** Stretches that are counted first, with and without anything in them. */
const countedAtMost = 1500;
/** Lengths of stretches, in seconds; longer jobs have stretches of whole days. */
const steps = [0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600];
const day = 86_400;

/** How fast a job has been over time, for those who draw it. */
export const getThroughput = defineOperation({
  name: 'get_throughput',
  title: 'Get the throughput of a batch job over time',
  description:
    'Says how many records were settled in each stretch of a job, retried ones where they were last.',
  effect: 'read',
  input: z.strictObject({ batch_job_id: batchJobIdInput }),
  output: z.object({
    batch_job_id: z.string(),
    step_seconds: z.number().describe('Length of each stretch'),
    stretches: z
      .array(
        z.object({
          at: z.string().describe('When it begins'),
          done: z.number().int(),
          failed: z.number().int().describe('Of those done'),
        }),
      )
      .describe('Those without any are left out'),
  }),

  async run(context, { batch_job_id }) {
    const { db } = await context.open();
    const job = await getBatchJob(db, batch_job_id);
    refusePurged(job);
    const counted = stepFor(secondsOf(job) / countedAtMost);
    const { step, stretches } = coarser(await readThroughput(db, job.id, counted), counted);
    return {
      batch_job_id: job.id,
      step_seconds: step,
      stretches: stretches.map(({ at, ...counts }) => ({ at: new Date(at * 1000).toISOString(), ...counts })),
    };
  },
});

function secondsOf({ createdAt, startedAt, finishedAt }: BatchJob): number {
  return ((finishedAt ?? new Date()).getTime() - (startedAt ?? createdAt).getTime()) / 1000;
}

const stepFor = (shortest: number) =>
  steps.find((step) => step >= shortest) ?? Math.ceil(shortest / day) * day;

/** The same in longer stretches, until there are few enough of them. */
function coarser(
  stretches: readonly Stretch[],
  step: number,
): { step: number; stretches: readonly Stretch[] } {
  if (stretches.length <= stretchesAtMost) return { step, stretches };
  const longer = stepFor(step * 1.5);
  const merged = new Map<number, Stretch>();
  for (const { at, done, failed } of stretches) {
    const from = Math.floor(at / longer) * longer;
    const before = merged.get(from) ?? { at: from, done: 0, failed: 0 };
    merged.set(from, { at: from, done: before.done + done, failed: before.failed + failed });
  }
  return coarser([...merged.values()], longer);
}
