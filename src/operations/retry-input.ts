import { z } from 'zod';
import type { RecordCondition } from '../flows/record-filter.ts';
import type { RetrySelection } from '../store/retry-selection.ts';
import { choiceInput, countAtMost, textInput } from './input-limits.ts';
import { uploadIdInput } from './uploads.ts';

const retryable = ['failed', 'retried_failed', 'skipped'] as const;
const listAtMost = 10_000;
/** Each costs time with every record. */
const fieldsSetAtMost = 200;

export const selectInput = z.strictObject({
  statuses: choiceInput(retryable)
    .optional()
    .describe('Default: failed and retried_failed; skipped goes on with what was never tried'),
  group_ids: z.array(textInput(40)).min(1).max(100).optional().describe('Causes, from error_groups'),
  indexes: z
    .array(z.number().int().min(0).max(countAtMost))
    .min(1)
    .max(listAtMost)
    .optional()
    .describe('Positions in the input, from 0'),
  ids: z
    .array(textInput(200))
    .min(1)
    .max(listAtMost)
    .optional()
    .describe("The records' own ids, when the job has an id_field"),
  dead_letters: z.boolean().optional().describe('true: only dead letters'),
  maybe_applied: z.boolean().optional().describe('Whether the target may have acted on the lost call'),
  where: z
    .union([textInput(2000), z.record(z.string(), z.json())])
    .optional()
    .describe('Payload: {"country": ["DE", "AT"]}, or CEL such as record.amount > 10'),
});

const operations = ['add', 'remove', 'replace', 'move', 'copy', 'test'] as const;

export const patchInput = z
  .strictObject({
    set: z
      .record(z.string().min(1).max(500), z.json())
      .refine(
        (set) => Object.keys(set).length <= fieldsSetAtMost,
        `must name ${fieldsSetAtMost} fields at most; source takes a file with any number`,
      )
      .optional()
      .describe('Field: value, or a pipe such as payload.phone | replace_all(" ", "")'),
    json_patch: z
      .array(
        z.strictObject({
          op: z.enum(operations),
          path: z.string().max(1000),
          from: z.string().max(1000).optional(),
          value: z.json().optional(),
        }),
      )
      .min(1)
      .max(100)
      .optional()
      .describe('RFC 6902'),
    source: z
      .strictObject({ path: z.string().min(1).max(4096).optional(), upload_id: uploadIdInput.optional() })
      .refine(
        ({ path, upload_id }) => (path === undefined) !== (upload_id === undefined),
        'takes exactly one of path and upload_id',
      )
      .optional()
      .describe('Corrected error file, by _index or id: only its records, only changed cells'),
  })
  .refine(
    ({ set, json_patch, source }) =>
      [set, json_patch, source].filter((part) => part !== undefined).length === 1,
    'takes exactly one of set, json_patch and source',
  );

export type SelectInput = z.output<typeof selectInput>;
export type PatchInput = z.output<typeof patchInput>;

export function selectionOf(given: SelectInput | undefined): RetrySelection {
  return {
    statuses: given?.statuses ?? (given?.dead_letters === true ? retryable : ['failed', 'retried_failed']),
    groupIds: given?.group_ids,
    indexes: given?.indexes,
    ids: given?.ids,
    deadLetters: given?.dead_letters,
    maybeApplied: given?.maybe_applied,
  };
}

export const whereOf = (given: SelectInput | undefined) => given?.where as RecordCondition | undefined;

/** Names statuses only, so an intake that was cut short and an end part that failed belong to it as well. */
export const isWhole = (given: SelectInput | undefined) =>
  Object.entries(given ?? {}).every(([name, value]) => name === 'statuses' || value === undefined);
