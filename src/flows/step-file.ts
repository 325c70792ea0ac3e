import { z } from 'zod';
import { timeoutSchema } from '../connectors/connector-schema.ts';
import { isJsonObject } from '../domain/json.ts';
import { takenNames } from './names.ts';
import { retrySchema } from './retry-grammar.ts';

const atOnce = 'must be a whole number from 1 to 50';

const onErrorWords = ['fail', 'continue', 'skip'] as const;
const onErrorMessage = 'must be fail, continue, skip, or a step with a type';
const conditionMessage = 'must be a condition such as record.total > 10';

function onErrorWordsFor(written: unknown): string {
  const isRetry = written === 'retry' || (isJsonObject(written) && Object.hasOwn(written, 'retry'));
  return isRetry ? 'takes no retry; write retry: 3x exponential(1s) on the step itself' : onErrorMessage;
}

/** The keys that every kind of step has. */
export const commonSchema = z.strictObject({
  description: z
    .string()
    .max(2_000, 'must have at most 2000 characters')
    .optional()
    .describe('For the people who read the file.'),
  when: z
    .union([z.string(), z.boolean().transform(String)], { error: conditionMessage })
    .optional()
    .describe('A CEL expression; false: the step is skipped and its result is null.'),
  timeout: timeoutSchema.optional().describe('Of one attempt at the step, such as 30s.'),
  retry: retrySchema
    .optional()
    .describe('For transient failures of this step: 3x exponential(1s), or {max_attempts, delay, backoff}.'),
  on_error: z
    .union(
      [
        z.enum(onErrorWords),
        z.strictObject({ action: z.enum(onErrorWords) }),
        z.looseObject({ type: z.string() }).meta({ holds: 'step' }),
        z.looseObject({ task: z.string() }).meta({ holds: 'step' }),
      ],
      { error: ({ input }) => onErrorWordsFor(input) },
    )
    .optional()
    .describe('fail (the record), continue (result null), skip, or a step that runs with {{ error }}.'),
  for_each: z
    .unknown()
    .optional()
    .describe('A list, or a template that gives one: the step runs for each `item`.'),
  max_parallel: z
    .int(atOnce)
    .min(1, atOnce)
    .max(50, atOnce)
    .optional()
    .describe('Items of for_each at once; 1 unless given.'),
  outputs: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'must be a name of letters, digits and _')
    .refine((name) => !takenNames.has(name), 'must be another name: this one has a meaning already')
    .optional()
    .describe('A further name for the result, beside steps.NAME.result.'),
  checkpoint: z
    .boolean()
    .optional()
    .describe('Keep the result, so that no later attempt at the record repeats the step.'),
});

export type CommonSettings = z.output<typeof commonSchema>;

export const commonKeys: ReadonlySet<string> = new Set(Object.keys(commonSchema.shape));
