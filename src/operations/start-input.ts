import { z } from 'zod';
import { SluiceError } from '../domain/sluice-error.ts';
import { batchInput } from './batch-options.ts';
import { sourceInput } from './batch-source.ts';
import { checkConcurrency } from './check-concurrency.ts';
import { textInput } from './input-limits.ts';

const inlineRecordsAtMost = 1000;
const inlineBytesAtMost = 4 * 1024 * 1024;

export const inlineRecords = z.array(z.record(z.string(), z.json())).min(1).max(inlineRecordsAtMost);

export const startInput = z.strictObject({
  flow_id: textInput(200).describe('Name (customer-import), name@version or uuid; list_flows shows them'),
  records: inlineRecords
    .optional()
    .describe(
      `At most ${inlineRecordsAtMost}. For more, or for rows that are in a file, give source instead`,
    ),
  source: sourceInput.optional(),
  params: z
    .record(z.string(), z.json())
    .optional()
    .describe('Values for the whole job, by name; get_flow shows which the flow takes'),
  concurrency: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe('Records under way at once, 1 to 50; default 5'),
  batch: batchInput.optional(),
  id_field: textInput(200).optional().describe("Field that holds each record's own id"),
  idempotency_key: textInput(200).optional().describe('The same key and arguments never start a second job'),
  label: textInput(200).optional().describe('A name for people'),
  plan_digest: textInput(100).optional().describe('From preview_batch: start only what was looked at then'),
  allow_repeat: z
    .boolean()
    .optional()
    .describe('true: start although the same flow is still running over the same records'),
});

export type StartInput = z.output<typeof startInput>;

/** @throws SluiceError `invalid_input` when the arguments cannot be had together. */
export function checkShape(
  given: Pick<StartInput, 'records' | 'source' | 'concurrency'>,
  maxConcurrency: number,
): void {
  if ((given.records === undefined) === (given.source === undefined)) {
    throw new SluiceError(
      'invalid_input',
      'Give exactly one of records (inline) and source ({path}). Nothing was started.',
    );
  }
  checkConcurrency(maxConcurrency, given.concurrency, 'started');
  if (given.records !== undefined && JSON.stringify(given.records).length > inlineBytesAtMost) {
    throw new SluiceError(
      'invalid_input',
      'records: more than 4 MB inline. Write them to an NDJSON or CSV file and give source: {path} (over HTTP {upload_id}) instead. Nothing was started.',
    );
  }
}
