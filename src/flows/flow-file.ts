import { z } from 'zod';
import { headerNameSchema, rateText, timeoutSchema } from '../connectors/connector-schema.ts';
import { duplicateActions, limitActions, type Ramp, recordFailureActions } from '../domain/job.ts';
import { answerConditions } from './answer-check.ts';
import type { BatchDefaults } from './flow.ts';
import { publishedPathProblem } from './published-path.ts';
import { retrySchema } from './retry-grammar.ts';

/** The built-in target: a run calls nothing and its result is the mapped record. */
export const echoTarget = 'echo';

export function wholeNumber(min: number, max: number) {
  const words = `must be a whole number from ${min} to ${max}`;
  return z.int(words).min(min, words).max(max, words);
}

/** A text with or without `{{ pipes }}`, or a value that stands for itself. */
const scalar = z.union([z.string(), z.number(), z.boolean()]);

const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'] as const;

const methodOf = <const T extends readonly string[]>(known: T) =>
  z
    .preprocess((method) => (typeof method === 'string' ? method.toUpperCase() : method), z.enum(known))
    .optional();

/** Keys of every block that describes a call. */
const callShape = {
  headers: z.record(headerNameSchema, scalar).optional(),
  query: z.record(z.string(), scalar).optional(),
  timeout: timeoutSchema.optional().describe("Of one attempt, in total; the connector's unless given."),
  ...answerConditions,
};

const target = z.union(
  [
    z.literal(echoTarget, { error: 'must be echo, or a map with a connector' }),
    z.strictObject({
      connector: z.string().describe('A name from connectors.yaml, or echo.'),
      endpoint: z.string().optional().describe('Path below base_url; {{ source.id }} is filled and encoded.'),
      method: methodOf(methods).describe(
        'POST unless given. With GET and DELETE the mapped fields go to the query.',
      ),
      ...callShape,
    }),
  ],
  {
    error: (issue) =>
      issue.input === undefined
        ? 'is missing: write target: { connector: NAME, endpoint: /path, method: POST }, or target: echo to only map'
        : 'must be a map with a connector, or echo',
  },
);

/** Accepted because people have it in their files; a batch is started by hand or over the API all the same. */
export const sourceSchema = z.strictObject({
  connector: z.string().optional(),
  trigger: z
    .enum(['manual', 'api'], { error: 'must be manual or api: other triggers are not available' })
    .optional(),
  event: z.string().optional(),
});

const shareWords = 'must be a share above 0 and up to 1, such as 0.2';
const share = z.number(shareWords).gt(0, shareWords).max(1, shareWords);

/** `true`: 10 records, then 100, then all. */
export const rampSchema = z.union(
  [
    z.boolean(),
    z.strictObject({
      steps: z
        .array(wholeNumber(1, 1_000_000_000))
        .min(1)
        .max(10)
        .refine((steps) => steps.every((step, at) => at === 0 || step > (steps[at - 1] ?? 0)), 'must ascend')
        .optional(),
      max_failure_rate: z.number().min(0).max(1).optional(),
    }),
  ],
  { error: 'must be true, or a map with steps: [10, 100] and max_failure_rate: 0.05' },
);

/** A ramp in the words of the code; undefined: there is none. */
export function rampOf(given: z.output<typeof rampSchema> | undefined): Ramp | undefined {
  if (given === undefined || given === false) return undefined;
  const { steps = [10, 100], max_failure_rate = 0.05 } = given === true ? {} : given;
  return { steps, maxFailureRate: max_failure_rate };
}

export const batchSchema = z.strictObject({
  concurrency: wholeNumber(1, 50).optional().describe('Records at once, unless the call says otherwise.'),
  continue_on_error: z.boolean().optional(),
  on_record_failure: z.enum(recordFailureActions).optional(),
  max_failures: wholeNumber(1, 1_000_000_000).optional(),
  id_field: z
    .string()
    .min(1, 'must name a field')
    .optional()
    .describe("The field that holds the record's own id."),
  max_failure_rate: share
    .optional()
    .describe('Stop when this share of the last failure_window records has failed.'),
  failure_window: wholeNumber(1, 100_000).optional().describe('100 unless given.'),
  on_limit: z.enum(limitActions).optional().describe('What a limit does: fail the job, or pause it.'),
  callback: z
    .string()
    .min(1, 'must name a connector')
    .optional()
    .describe(
      'A connector of type webhook that is told of the end, and of failures with on_record_failure: callback.',
    ),
  rate: rateText.optional().describe('Records started in this time, at most: 10/s, 600/min.'),
  ramp: rampSchema.optional().describe('Begin with 10 records, then 100, then all; pause if too many fail.'),
  order_by: z
    .string()
    .min(1, 'must name a field')
    .optional()
    .describe('Records with the same value in this field run one after the other.'),
  duplicates: z
    .enum(duplicateActions)
    .optional()
    .describe('What happens to a row whose id an earlier row of the job has; allow unless given.'),
  skip_unchanged: z
    .boolean()
    .optional()
    .describe('Leave out records that the flow has sent before with the same values.'),
});

export const onErrorSchema = z.strictObject({
  retry: retrySchema
    .optional()
    .describe('3x exponential(30s), 5x fixed(10s, jitter), 4x linear(5s, max 1m) or none.'),
  // biome-ignore lint/suspicious/noThenProperty: the word of the file format; nobody awaits this object.
  then: z.enum(recordFailureActions).optional().describe('What happens to a record that failed for good.'),
});

/** The call that takes back what a run has done. */
export const undoCallSchema = z.strictObject({
  connector: z.string().optional().describe('That of the target unless given.'),
  endpoint: z
    .string()
    .describe('Path below base_url; {{ result.id }} is what the record kept of the answer to its call.'),
  method: methodOf(['DELETE', 'POST', 'PUT', 'PATCH']).describe(
    'DELETE unless given. With DELETE the mapped fields go to the query.',
  ),
  ...callShape,
  mapping: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('target field: result.field | transform | …'),
  gone: z
    .array(wholeNumber(400, 499))
    .optional()
    .describe('Statuses that say that it is gone already; [404, 410] with DELETE unless given.'),
  on_error: onErrorSchema.optional(),
});

export type UndoCallFile = z.output<typeof undoCallSchema>;

const publishedPath = z.string().superRefine((path, context) => {
  const message = publishedPathProblem(path);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

export const publishedApiSchema = z.strictObject({
  path: publishedPath.describe('Where `sluice serve` offers the flow to programs.'),
  method: methodOf(['POST', 'PUT', 'PATCH', 'GET']).describe(
    'POST unless given. With GET the query is the record.',
  ),
  authType: z
    .enum(['api_key', 'oauth2'], { error: 'must be api_key or oauth2: nothing is published without a token' })
    .optional(),
  validationMode: z
    .enum(['strict', 'lenient'])
    .optional()
    .describe('lenient: records that do not fit fail alone. strict, unless given: nothing is started then.'),
  requestSchema: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('What each record has to be, besides input: in short words or JSON Schema.'),
  responseSchema: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('What the response is. With it, or responseMapping, a single record is answered at once.'),
  responseMapping: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('The response, made of what the flow returned: id: result.body.id.'),
  batchEnabled: z.boolean().optional().describe('A request brings a list of records.'),
  batchArrayPath: z
    .string()
    .regex(/^[^.\s]+(\.[^.\s]+)*$/, 'must be a dotted path, such as records or data.items')
    .max(200, 'must have at most 200 characters')
    .optional()
    .describe('Where in the body the list stands; the body itself unless given.'),
  batchMaxSize: wholeNumber(1, 100_000).optional().describe('Records of one request; 1000 unless given.'),
  batchConcurrency: wholeNumber(1, 50).optional().describe('Records at once; 5 unless given.'),
  webhook: z
    .string()
    .min(1, 'must name a connector')
    .optional()
    .describe('A connector of type webhook that is told of the end of each job.'),
});

export const flowNameSchema = z
  .string()
  .regex(
    /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,99}$/u,
    'must be a name of letters, digits, -, _ and . (at most 100)',
  );
export const versionSchema = wholeNumber(1, 1_000_000_000);
export const descriptionSchema = z.string().max(2_000, 'must have at most 2000 characters');
export const lookupsSchema = z.record(z.string(), z.record(z.string(), z.union([scalar, z.null()])));

const fieldPath = /^[^\s.[\]][^.[\]]*(?:(?:\[\])?\.[^.[\]]+)*(?:\[\])?$/;

/** Fields of the payload, by dotted path. */
export const redactSchema = z
  .array(
    z
      .string()
      .max(200, 'must have at most 200 characters')
      .regex(fieldPath, 'must be the path of a field, such as email, address.street or items.price'),
  )
  .max(100, 'must have at most 100 fields')
  .describe('Fields of a record that no answer, log or export shows: email, address.street.');

export const confirmSchema = z
  .enum(['plan', 'human'], { error: 'must be plan (of preview_batch) or human (sluice approve)' })
  .describe('What a start needs: a plan that was looked at, or the word of a person at a terminal.');

export const inputSchema = z
  .record(z.string(), z.unknown(), 'must be a map of fields, such as email: email required')
  .describe(
    'What each record has to be, checked before anything is sent: field: string required, or JSON Schema.',
  );

/** What a mapping flow's file may hold. The texts of a mapping are checked by its compiler. */
export const flowFileSchema = z.strictObject({
  flow: flowNameSchema.describe('The name of the flow.'),
  version: versionSchema.optional().describe("The author's label: 1, 2, 3, …"),
  description: descriptionSchema.optional(),
  type: z.literal('standard', { error: 'must be standard; saga and fan-out are not available' }).optional(),
  source: sourceSchema.optional(),
  target,
  lookups: lookupsSchema.optional(),
  mapping: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('target field: source.field | transform | …'),
  result: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('What the record keeps of the answer: id: response.id. Its status and body unless given.'),
  input: inputSchema.optional(),
  undo: undoCallSchema.optional().describe('The call that takes a record back.'),
  redact: redactSchema.optional(),
  confirm: confirmSchema.optional(),
  batch: batchSchema.optional(),
  on_error: onErrorSchema.optional(),
  published_api: publishedApiSchema.optional(),
});

export type FlowFile = z.output<typeof flowFileSchema>;

/** The `batch` block in the words of the code. */
export function batchOf(batch: z.output<typeof batchSchema> = {}): BatchDefaults {
  const ramp = rampOf(batch.ramp);
  return {
    ...(batch.concurrency === undefined ? {} : { concurrency: batch.concurrency }),
    ...(batch.continue_on_error === undefined ? {} : { continueOnError: batch.continue_on_error }),
    ...(batch.on_record_failure === undefined ? {} : { onRecordFailure: batch.on_record_failure }),
    ...(batch.max_failures === undefined ? {} : { maxFailures: batch.max_failures }),
    ...(batch.id_field === undefined ? {} : { idField: batch.id_field }),
    ...(batch.max_failure_rate === undefined ? {} : { maxFailureRate: batch.max_failure_rate }),
    ...(batch.failure_window === undefined ? {} : { failureWindow: batch.failure_window }),
    ...(batch.on_limit === undefined ? {} : { onLimit: batch.on_limit }),
    ...(batch.callback === undefined ? {} : { callback: batch.callback }),
    ...(batch.rate === undefined ? {} : { rate: batch.rate }),
    ...(ramp === undefined ? {} : { ramp }),
    ...(batch.order_by === undefined ? {} : { orderBy: batch.order_by }),
    ...(batch.duplicates === undefined ? {} : { duplicates: batch.duplicates }),
    ...(batch.skip_unchanged === undefined ? {} : { skipUnchanged: batch.skip_unchanged }),
  };
}
