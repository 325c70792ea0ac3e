import { z } from 'zod';

// The parts of the tools' answers that the demo reads.

export const listedFlows = z.object({
  flows: z.array(z.object({ name: z.string(), summary: z.string() })),
  invalid: z.array(z.object({ file: z.string(), problems: z.array(z.string()) })),
});

export const shownFlow = z.object({
  expects: z.array(z.object({ path: z.string() })),
  retry: z.string(),
});

export const startedBatch = z.object({
  batch_job_id: z.string(),
  total: z.number(),
  next_step: z.string(),
});

export const batchStatus = z.object({
  status: z.string(),
  finished: z.boolean(),
  total: z.number(),
  processed: z.number(),
  counts: z.object({
    pending: z.number(),
    processing: z.number(),
    succeeded: z.number(),
    failed: z.number(),
    retried_success: z.number(),
    retried_failed: z.number(),
    skipped: z.number(),
  }),
  next_step: z.string(),
});
export type BatchStatus = z.infer<typeof batchStatus>;

export const exportedErrors = z.object({
  total_failed: z.number(),
  groups: z.array(
    z.object({
      count: z.number(),
      message: z.string(),
      untrusted_message: z.string().optional(),
      retryable: z.boolean(),
      next_step: z.string(),
    }),
  ),
  errors: z.array(
    z.object({ index: z.number(), error: z.object({ message: z.string() }), payload: z.unknown() }),
  ),
  files: z.object({ csv: z.object({ path: z.string() }) }),
});
export type ExportedErrors = z.infer<typeof exportedErrors>;

export const startedRetry = z.object({ selected: z.number(), concurrency: z.number() });
