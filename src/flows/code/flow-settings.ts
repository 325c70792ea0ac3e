import { z } from 'zod';
import { didYouMean } from '../../connectors/did-you-mean.ts';
import { recordFailureActions } from '../../domain/job.ts';
import { issuesMeant, issueWords, kindsOfArguments } from '../../domain/schema-issue.ts';
import { SluiceError } from '../../domain/sluice-error.ts';
import {
  confirmSchema,
  descriptionSchema,
  flowNameSchema,
  onErrorSchema,
  redactSchema,
  versionSchema,
  wholeNumber,
} from '../flow-file.ts';
import { parameterProblems, parametersSchema } from '../parameters.ts';
import { retrySchema } from '../retry-grammar.ts';
import type { Anything, FlowEnding } from './flow-context.ts';

/** A schema of zod, or of another library with the same two results. */
export interface InputSchema {
  safeParse(value: unknown): {
    readonly success: boolean;
    readonly data?: Anything;
    readonly error?: Anything;
  };
}

/** The type of what a schema lets through. */
export type InputOf<Schema> = Schema extends { safeParse(value: never): infer Checked }
  ? Checked extends { readonly success: true; readonly data: infer Data }
    ? Data
    : never
  : Anything;

export interface RetrySettings {
  /** Counts the first attempt too. */
  readonly max_attempts: number;
  /** Before the first retry; 1s unless given. */
  readonly delay?: string | number;
  readonly backoff?: 'fixed' | 'linear' | 'exponential';
  readonly jitter?: boolean;
  readonly max_delay?: string | number;
}

/** What happens to a record that failed for good. */
export type FailureAction = (typeof recordFailureActions)[number];

/** What `defineFlow` takes. */
export interface FlowSettings<Schema> {
  /** The name jobs are started by. */
  readonly id?: string;
  /** Stands for `id` when there is none; beside one it is the line that people read. */
  readonly name?: string;
  /** The author's label: 1, 2, 3, … */
  readonly version?: number;
  readonly description?: string;
  /** Checks each record before the flow runs, and gives `ctx.payload` its type. */
  readonly input?: Schema;
  /** Each run takes so many records at once, as a list. */
  readonly size?: number;
  /** What a failure of such a run means: all its records fail, or the bad ones are looked for in halves. */
  readonly on_chunk_error?: 'fail' | 'bisect';
  /** Runs at once, unless the start says otherwise. */
  readonly concurrency?: number;
  /** For transient failures: `3x exponential(1s)`, or its parts. */
  readonly retry?: string | RetrySettings;
  readonly on_error?:
    | FailureAction
    | { readonly retry?: string | RetrySettings; readonly then?: FailureAction };
  /** Connectors that `ctx.fetch` may call. */
  readonly connectors?: readonly string[];
  /** Environment variables that `ctx.env` may read. */
  readonly env?: readonly string[];
  /** What a start may bring along, with its default or `{type, required, default, description}`. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** No attempt at a record repeats a step that has succeeded. */
  readonly checkpoint?: boolean;
  /** false: running it twice does not matter, so a crash may repeat more. */
  readonly effects?: boolean;
  /** Field of the payload that holds the record's own id. */
  readonly idField?: string;
  /** Fields of a record, by dotted path, that no answer, log or export shows. */
  readonly redact?: readonly string[];
  /** What a start needs: a plan that was looked at, or the word of a person at a terminal. */
  readonly confirm?: 'plan' | 'human';
  /** Runs once when the job ends, however it ends. */
  readonly finally?: (ending: FlowEnding) => unknown;
}

const names = z.array(z.string().min(1, 'must be a name')).max(100, 'has more than 100 names');
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable');

const settingsSchema = z.strictObject({
  id: flowNameSchema.optional(),
  name: z.string().min(1, 'must not be empty').max(200, 'must have at most 200 characters').optional(),
  version: versionSchema.optional(),
  description: descriptionSchema.optional(),
  input: z.custom<InputSchema>(isSchema, 'must be a schema with safeParse, such as one of zod').optional(),
  size: wholeNumber(1, 10_000).optional(),
  on_chunk_error: z.enum(['fail', 'bisect']).optional(),
  concurrency: wholeNumber(1, 50).optional(),
  retry: retrySchema.optional(),
  on_error: z
    .union([z.enum(recordFailureActions), onErrorSchema], {
      error: `must be ${recordFailureActions.join(', ')}, or {retry, then}`,
    })
    .optional(),
  connectors: names.optional(),
  env: z.array(variable).optional(),
  params: parametersSchema.optional(),
  checkpoint: z.boolean().optional(),
  effects: z.boolean().optional(),
  idField: z.string().min(1, 'must name a field').optional(),
  redact: redactSchema.optional(),
  confirm: confirmSchema.optional(),
  finally: z
    .custom<(ending: FlowEnding) => unknown>((given) => typeof given === 'function', 'must be a function')
    .optional(),
});

export type CheckedSettings = z.output<typeof settingsSchema>;

/** @throws SluiceError `flow_invalid` with everything that is wrong. */
export function checkSettings(given: unknown): CheckedSettings {
  const checked = settingsSchema.safeParse(given, { error: (issue) => issueWords(issue, kindsOfArguments) });
  const problems = checked.success
    ? contradictions(checked.data)
    : checked.error.issues.flatMap(issuesMeant).flatMap(wordsOf);
  if (checked.success && problems.length === 0) return checked.data;
  throw new SluiceError('flow_invalid', `defineFlow: ${problems.join('; ')}`);
}

function isSchema(given: unknown): boolean {
  return (
    typeof given === 'object' &&
    given !== null &&
    'safeParse' in given &&
    typeof given.safeParse === 'function'
  );
}

function contradictions(settings: CheckedSettings): string[] {
  const { id, name, on_error, retry, on_chunk_error, size, params } = settings;
  const problems = parameterProblems(params).map(({ message, suggestion }) =>
    suggestion === undefined ? message : `${message}; ${suggestion}`,
  );
  if (id === undefined && name === undefined) problems.push('id is missing: the name jobs are started by');
  if (id === undefined && name !== undefined && !flowNameSchema.safeParse(name).success) {
    problems.push(
      'name is no name jobs can be started by; give an id of letters, digits, -, _ and . beside it',
    );
  }
  if (retry !== undefined && typeof on_error === 'object' && on_error.retry !== undefined) {
    problems.push('retry is another way to write on_error.retry; give one');
  }
  if (on_chunk_error !== undefined && size === undefined) problems.push('on_chunk_error needs size');
  return problems;
}

function wordsOf(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, path));
  const advice: unknown = issue.code === 'custom' ? issue.params?.suggestion : undefined;
  const subject = path === '' ? 'its argument' : path;
  return [`${subject} ${issue.message}${typeof advice === 'string' ? `; ${advice}` : ''}`];
}

function unknownKey(key: string, path: string): string {
  const advice = path === '' ? didYouMean(key, Object.keys(settingsSchema.shape)) : undefined;
  return `unknown key "${key.slice(0, 100)}"${advice === undefined ? '' : `; ${advice}`}`;
}
