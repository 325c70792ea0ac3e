import { z } from 'zod';
import { duplicateActions, limitActions, recordFailureActions } from '../domain/job.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { parseRate } from '../domain/rate.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Flow } from '../flows/flow.ts';
import { rampOf, rampSchema } from '../flows/flow-file.ts';
import type { NewJob } from '../store/create-job.ts';
import { countAtMost, failureRateInput, maxFailuresInput, textInput } from './input-limits.ts';
import type { NamedFields } from './named-fields.ts';

const rateWords = 'must be records per time, such as 10/s or 600/min';

/** How a job goes about its records: the keys of a flow's `batch` block, for this one job. */
export const batchInput = z
  .strictObject({
    continue_on_error: z
      .boolean()
      .optional()
      .describe('false: stop at the first failed record; default true'),
    on_record_failure: z.enum(recordFailureActions).optional().describe('default log'),
    max_failures: maxFailuresInput.describe('Stop when so many records have failed'),
    max_failure_rate: failureRateInput.describe(
      'Stop when this share of the last failure_window records has failed',
    ),
    failure_window: z.number().int().min(1).max(100_000).optional().describe('default 100'),
    on_limit: z.enum(limitActions).optional().describe('What reaching a limit does; default fail'),
    callback: textInput(100)
      .optional()
      .describe('Name of a connector of type webhook, told of the end and of failures'),
    rate: z
      .string(rateWords)
      .max(20)
      .refine((text) => parseRate(text) !== undefined, rateWords)
      .optional()
      .describe('Records started at most: 10/s, 600/min'),
    ramp: rampSchema
      .optional()
      .describe('true: 10 records first, then 100, then all; pauses if over 5 % fail'),
    order_by: textInput(200)
      .optional()
      .describe('Field: records with the same value run one after the other, in input order'),
    duplicates: z
      .enum(duplicateActions)
      .optional()
      .describe('Rows whose id_field an earlier row has; default allow'),
    skip_unchanged: z
      .boolean()
      .optional()
      .describe('Leave out records (by id_field) that were sent before with the same values'),
  })
  .describe('Default: what the flow says');

type BatchInput = z.output<typeof batchInput>;

/** What the call says, else the flow, else what is usual. */
export function batchOptions(given: BatchInput = {}, flow: Flow) {
  const { batch } = flow;
  return {
    policy: {
      continueOnError: given.continue_on_error ?? batch.continueOnError ?? true,
      onRecordFailure: given.on_record_failure ?? batch.onRecordFailure ?? flow.afterFailure,
      maxFailures: given.max_failures ?? batch.maxFailures ?? null,
      maxFailureRate: given.max_failure_rate ?? batch.maxFailureRate ?? null,
      ...windowOf(given.failure_window ?? batch.failureWindow),
      onLimit: given.on_limit ?? batch.onLimit ?? 'fail',
      callback: given.callback ?? batch.callback ?? null,
    },
    rate: given.rate ?? batch.rate ?? null,
    ramp: (given.ramp === undefined ? batch.ramp : rampOf(given.ramp)) ?? null,
    orderBy: given.order_by ?? batch.orderBy ?? null,
    duplicates: given.duplicates ?? batch.duplicates ?? 'allow',
    skipUnchanged: given.skip_unchanged ?? batch.skipUnchanged ?? false,
  } satisfies Partial<NewJob>;
}

/** @throws SluiceError `invalid_input` when options cannot be had together. */
export function checkOptions(
  { duplicates, skipUnchanged, orderBy }: ReturnType<typeof batchOptions>,
  idField: string | null,
  { name, chunk }: Flow,
): void {
  const wantsIds = [
    ...(duplicates === 'allow' ? [] : [`duplicates: ${duplicates}`]),
    ...(skipUnchanged ? ['skip_unchanged'] : []),
  ];
  if (wantsIds.length > 0 && idField === null) {
    const what = wantsIds.join(' and ');
    throw refused(
      `${what} cannot work without the records' own ids: give id_field, the field that holds them.`,
    );
  }
  if (orderBy !== null && chunk !== undefined) {
    throw refused(
      `order_by cannot be kept by the flow ${name}, which takes ${chunk.size} records at once: leave it out, or use a flow without size.`,
    );
  }
}

/** Fields that have to be there: a flow may name an id field that a file has no use for. */
export function namedFields(
  given: { readonly id_field?: string | undefined },
  idField: string | null,
  { duplicates, skipUnchanged, orderBy }: ReturnType<typeof batchOptions>,
): NamedFields {
  const isWanted = given.id_field !== undefined || duplicates !== 'allow' || skipUnchanged;
  return { id_field: isWanted ? idField : null, order_by: orderBy };
}

const refused = (message: string) => new SluiceError('invalid_input', `${message} Nothing was started.`);

const windowOf = (failureWindow: number | undefined) =>
  failureWindow === undefined ? {} : { failureWindow: Math.min(failureWindow, countAtMost) };

const ofBatch = new Set(Object.keys(batchInput.shape));
const ofCall = new Set(['id_field', 'concurrency']);

/** Callers put these words beside the block as often as into it; either way means the same. */
export function toBatchBlock(given: JsonValue): JsonValue {
  if (!isJsonObject(given)) return given;
  const beside = Object.entries(given).filter(([key]) => ofBatch.has(key));
  const { batch: written } = given;
  const block = written !== undefined && isJsonObject(written) ? Object.entries(written) : [];
  const within = block.filter(([key]) => ofCall.has(key));
  if (beside.length === 0 && within.length === 0) return given;
  const rest = Object.entries(given).filter(([key]) => !ofBatch.has(key) && key !== 'batch');
  const batch = [...beside, ...block.filter(([key]) => !ofCall.has(key))];
  return { ...Object.fromEntries(within), ...Object.fromEntries(rest), batch: Object.fromEntries(batch) };
}
