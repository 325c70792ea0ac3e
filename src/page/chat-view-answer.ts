import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { countedStatuses } from './counts.tsx';
import { counted } from './format.ts';

const text = z.string();
const count = z.number();

const counts = z.record(z.enum(countedStatuses), count);

const group = z.object({
  group_id: text,
  count,
  error_class: text,
  code: text,
  step: text.exactOptional(),
  message: text,
  untrusted_message: text.exactOptional(),
  retryable: z.boolean(),
  maybe_applied: count.exactOptional(),
});

/** What the linked tools say of a job; those that begin something say less than get_batch_status. */
const jobAnswer = z.object({
  batch_job_id: text,
  status: text,
  finished: z.boolean().default(false),
  total: count.optional(),
  selected: count.optional(),
  flow: z.object({ name: text, version: count.nullable() }).optional(),
  label: text.optional(),
  counts: counts.optional(),
  failed_now: count.default(0),
  rate: count.nullish(),
  eta_seconds: count.nullish(),
  intake: z.object({ state: text, rows_read: count }).optional(),
  waiting_for: z.object({ text }).optional(),
  paused: z.object({ kind: text, message: text }).optional(),
  throttled: z.array(z.object({ text })).default([]),
  stopped_by: z.object({ message: text }).optional(),
  ending: z.object({ status: text, error: z.object({ message: text }).optional() }).optional(),
  changes: z.object({ unchanged: count }).optional(),
  duplicates_skipped: count.default(0),
  purged: z.unknown().optional(),
  error_groups: z.array(group).default([]),
  more_error_groups: z.object({ groups: count, failures: count }).optional(),
});

const previewAnswer = z.object({ preview: z.array(z.unknown()), selected: count, next_step: text });

export type Job = z.output<typeof jobAnswer>;

/** What the answer of a tool comes to for the person. */
export type Answer =
  | { readonly kind: 'job'; readonly job: Job }
  | { readonly kind: 'words'; readonly words: string; readonly isError: boolean };

/** Understands an answer by either of its halves, since some hosts hand on only one. */
export function readAnswer(result: CallToolResult): Answer {
  const words = wordsOf(result);
  if (result.isError === true) return { kind: 'words', words, isError: true };
  const facts = result.structuredContent ?? parsed(words);
  const preview = previewAnswer.safeParse(facts);
  if (preview.success) {
    const { selected, next_step } = preview.data;
    const said = `${counted(selected, 'record')} would be tried again. ${next_step}`;
    return { kind: 'words', words: said, isError: false };
  }
  const job = jobAnswer.safeParse(facts);
  if (job.success) return { kind: 'job', job: job.data };
  return { kind: 'words', words, isError: false };
}

const wordsOf = ({ content }: CallToolResult) =>
  content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');

function parsed(words: string): unknown {
  try {
    return JSON.parse(words);
  } catch {
    return undefined;
  }
}
