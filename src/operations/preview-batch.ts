import { z } from 'zod';
import { errorClasses } from '../domain/failure.ts';
import { toBatchBlock } from './batch-options.ts';
import { sourceInput } from './batch-source.ts';
import { textInput } from './input-limits.ts';
import { defineOperation } from './operation.ts';
import { describePreview } from './preview-answer.ts';
import { lookAhead, previewDefaults } from './preview-look.ts';
import { inlineRecords } from './start-input.ts';

const input = z.strictObject({
  flow_id: textInput(200).optional().describe('Leave it out to look at the rows alone'),
  records: inlineRecords.optional(),
  source: sourceInput.optional(),
  params: z.record(z.string(), z.json()).optional(),
  batch: z.record(z.string(), z.json()).optional().describe('As start_batch takes it; so are the others'),
  id_field: textInput(200).optional(),
  concurrency: z.number().int().min(1).max(1000).optional(),
  sample: z
    .number()
    .int()
    .min(0)
    .max(10)
    .optional()
    .describe(`Requests shown; default ${previewDefaults.samples}`),
  max_seconds: z
    .number()
    .int()
    .min(1)
    .max(50)
    .optional()
    .describe(`Time for reading; default ${previewDefaults.seconds}`),
});

const count = z.number().int();

export const previewBatch = defineOperation({
  name: 'preview_batch',
  title: 'Preview a batch job',
  description: [
    'Shows what start_batch would do, and sends nothing: the columns of the source, which rows would fail and why (of a flow of steps or code as far as `rehearsed` says), the exact requests of the first rows, targets, time, and a plan_digest.',
    '',
    'Use it before start_batch on a file you have not seen. start_batch with the plan_digest refuses if anything changed since.',
  ].join('\n'),
  effect: 'read',
  reshape: toBatchBlock,
  input,
  output: z.object({
    rows: count,
    bad_rows: count,
    complete: z.boolean().describe('false: not all rows were looked at'),
    source: z.object({
      format: z.string(),
      path: z.string().optional(),
      encoding: z.string().optional(),
      note: z.string().optional(),
      delimiter: z.string().optional(),
      broken: z.string().optional(),
    }),
    columns: z.array(
      z.object({
        name: z.string(),
        type: z.string(),
        share: z.number().optional().describe('Of its values that are of this type, unless all are'),
        empty: count.optional(),
        formulas: count.optional(),
        odd_lines: z.array(count).optional().describe('Lines with another type'),
        odd_indexes: z.array(count).optional().describe('The same in a JSON array or inline records'),
      }),
    ),
    more_columns: count.optional(),
    ids: z
      .object({
        field: z.string(),
        missing: count,
        duplicates: count,
        lines: z.array(count).optional(),
        indexes: z.array(count).optional(),
        approximate: z.boolean().optional(),
      })
      .optional(),
    untrusted_samples: z.array(z.unknown()).describe('First rows, personal data masked'),
    flow: z.object({ name: z.string(), version: z.number().nullable(), revision: z.string() }).optional(),
    rehearsed: z.string().optional().describe('What was looked at, so what would_fail counts'),
    counts: z
      .object({
        would_send: count,
        would_fail: count,
        would_skip: z.object({ duplicates: count, unchanged: count }),
      })
      .optional(),
    problems: z.array(
      z.object({
        count,
        error_class: z.enum(errorClasses),
        code: z.string(),
        step: z.string().optional(),
        message: z.string(),
        untrusted_message: z.string().optional(),
        sample_indexes: z.array(count),
        sample_lines: z.array(count).optional(),
        advice: z.string(),
      }),
    ),
    more_problems: count.optional(),
    untrusted_requests: z.array(z.unknown()).optional().describe('What the first runs would send'),
    targets: z
      .array(
        z.object({
          connector: z.string(),
          type: z.string(),
          host: z.string().optional(),
          methods: z.array(z.string()),
        }),
      )
      .optional(),
    missing: z.array(z.string()).optional(),
    estimate: z.object({ seconds: z.number().nullable(), limit: z.string() }).optional(),
    plan_digest: z.string().optional(),
    next_step: z.string(),
  }),

  async run(context, given) {
    return describePreview(await lookAhead(context, given));
  },
});
