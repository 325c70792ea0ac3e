import { z } from 'zod';
import { SluiceError } from '../domain/sluice-error.ts';
import { approveJob } from '../store/approvals.ts';
import type { BatchJob } from '../store/jobs.ts';
import { flowFields, flowOutput, jobFields, jobOutput } from './counts.ts';
import { batchJobIdInput, getBatchJob } from './find-batch-job.ts';
import { textInput } from './input-limits.ts';
import { jobFlow } from './job-flow.ts';
import { defineOperation } from './operation.ts';

/** What a person looks at before they agree. Not among the operations that every surface offers. */
export const showApproval = defineOperation({
  name: 'show_approval',
  title: 'Show what waits for approval',
  description: 'Shows what a job that waits for approval would do.',
  effect: 'read',
  input: z.strictObject({ batch_job_id: batchJobIdInput }),
  output: z.object({
    ...jobOutput,
    flow: flowOutput,
    label: z.string().optional(),
    created_at: z.string(),
    source: z.string(),
    summary: z.string(),
    targets: z.array(z.string()),
    concurrency: z.number().int(),
    plan_digest: z.string().optional(),
  }),

  async run(context, { batch_job_id }) {
    const { db } = await context.open();
    const job = waitingJob(await getBatchJob(db, batch_job_id));
    const { flow } = await jobFlow(context, db, job);
    const states = await context.readiness.connectors();
    return {
      ...jobFields(job),
      flow: flowFields(job),
      ...(job.label === null ? {} : { label: job.label }),
      created_at: job.createdAt.toISOString(),
      source: sourceWords(job),
      summary: flow?.summary ?? 'The text of its flow cannot be read by this process.',
      targets: (flow?.connectors ?? []).map(({ name, type }) => {
        const known = states.find((state) => state.name === name);
        return `${name} (${type}${known === undefined ? ', not declared' : `, ${known.target}`})`;
      }),
      concurrency: job.concurrency,
      ...(job.planDigest === null ? {} : { plan_digest: job.planDigest }),
    };
  },
});

/** A person's word for a job. Not among the operations that every surface offers: a model cannot give it. */
export const approveBatch = defineOperation({
  name: 'approve_batch',
  title: 'Approve a batch job',
  description: 'Lets a job begin that waits for approval.',
  effect: 'run',
  input: z.strictObject({ batch_job_id: batchJobIdInput, approved_by: textInput(200) }),
  output: z.object({ ...jobOutput, flow: flowOutput, approved_by: z.string(), next_step: z.string() }),

  async run(context, { batch_job_id, approved_by }) {
    const { db, engine, ensureStandby } = await context.open();
    const job = await getBatchJob(db, batch_job_id);
    const approved = await approveJob(db, job.id, approved_by);
    const now = await getBatchJob(db, job.id);
    // The same word twice is no error.
    if (!approved && now.approvedBy === null) waitingJob(now);
    engine.wake(job.id);
    await ensureStandby();
    return {
      ...jobFields(now),
      flow: flowFields(now),
      approved_by: now.approvedBy ?? approved_by,
      next_step: `get_batch_status {"batch_job_id": "${job.id}", "wait_seconds": 30} follows the job.`,
    };
  },
});

function waitingJob(job: BatchJob): BatchJob {
  if (job.pauseKind === 'approval' && job.status === 'paused') return job;
  throw new SluiceError(
    'invalid_input',
    `Batch job ${job.id} waits for no approval (${job.status}). Nothing was changed.`,
  );
}

function sourceWords({ source, total, intake }: BatchJob): string {
  const { kind, path, upload, batchJobId } = source as {
    kind: string;
    path?: string;
    upload?: { name: string };
    batchJobId?: string;
  };
  if (path !== undefined) return `${upload?.name ?? path}, which is read once it is approved`;
  if (batchJobId !== undefined) return `records of batch job ${batchJobId}`;
  return intake === 'reading' ? kind : `${total} records of the conversation`;
}
