import { z } from 'zod';
import { failedItemsSchema } from './compile-failed-items.ts';
import {
  batchSchema,
  confirmSchema,
  descriptionSchema,
  flowNameSchema,
  inputSchema,
  lookupsSchema,
  onErrorSchema,
  publishedApiSchema,
  redactSchema,
  sourceSchema,
  versionSchema,
  wholeNumber,
} from './flow-file.ts';
import { parametersSchema } from './parameters.ts';
import { retrySchema } from './retry-grammar.ts';
import { stepKindsByName } from './steps/catalogue.ts';

/** `continue` and `skip` are words of a step. */
const flowOnErrorSchema = z.strictObject(onErrorSchema.shape, {
  error: ({ code }) =>
    code === 'invalid_type'
      ? 'must be a map with retry and then; fail, continue and skip stand at a step'
      : undefined,
});

/** A step that is not indented below its dash gives its type to the file. */
function typeWords(type: unknown): string {
  return typeof type === 'string' && stepKindsByName.has(type)
    ? 'belongs to a step; indent it as far as the key after the dash'
    : 'must be standard; saga and fan-out are not available';
}

/** What the file of a flow of steps may hold. The steps are checked by their compiler. */
export const stepFlowFileSchema = z.strictObject({
  flow: flowNameSchema.optional().describe('The name of the flow; that of the file unless given.'),
  name: flowNameSchema.optional().describe('Another word for flow.'),
  version: versionSchema.optional().describe("The author's label: 1, 2, 3, …"),
  description: descriptionSchema.optional(),
  type: z.literal('standard', { error: ({ input }) => typeWords(input) }).optional(),
  source: sourceSchema.optional(),
  params: parametersSchema
    .optional()
    .describe(
      'What a start may bring along: name: default, or name: {type, required, description, default}.',
    ),
  lookups: lookupsSchema.optional(),
  size: wholeNumber(1, 10_000)
    .optional()
    .describe('Each run takes so many records at once, as the list `items`.'),
  on_chunk_error: z
    .enum(['fail', 'bisect'])
    .optional()
    .describe(
      'When a chunk is rejected as a whole: all its records fail, or halves of it are tried until the bad ones are found.',
    ),
  failed_items: failedItemsSchema.optional(),
  steps: z.unknown().describe('A list of steps, or a map of them in order.').meta({ holds: 'steps' }),
  output: z.unknown().optional().describe("The record's result; that of the last step unless given."),
  finally: z
    .unknown()
    .meta({ holds: 'steps' })
    .optional()
    .describe(
      'Steps that run once when the job ends, with `counts`, `job` and the results (type: aggregate).',
    ),
  undo: z
    .unknown()
    .meta({ holds: 'steps' })
    .optional()
    .describe('Steps that take a record back, with the `record` and its `result`; run by undo_batch.'),
  checkpoint: z.boolean().optional().describe('No attempt at a record repeats a step that has succeeded.'),
  retry: retrySchema.optional().describe('Another way to write on_error.retry.'),
  input: inputSchema.optional(),
  redact: redactSchema.optional(),
  confirm: confirmSchema.optional(),
  batch: batchSchema.optional(),
  on_error: flowOnErrorSchema.optional(),
  published_api: publishedApiSchema.optional(),
});

export type StepFlowFile = z.output<typeof stepFlowFileSchema>;
