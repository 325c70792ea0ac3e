import { z } from 'zod';
import { didYouMean } from '../connectors/did-you-mean.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';
import type { Parameter } from './flow.ts';
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

const parameterName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'must be a name of letters, digits and _');

/** What the file of a flow of steps may hold. The steps are checked by their compiler. */
export const stepFlowFileSchema = z.strictObject({
  flow: flowNameSchema.optional().describe('The name of the flow; that of the file unless given.'),
  name: flowNameSchema.optional().describe('Another word for flow.'),
  version: versionSchema.optional().describe("The author's label: 1, 2, 3, …"),
  description: descriptionSchema.optional(),
  type: z.literal('standard', { error: ({ input }) => typeWords(input) }).optional(),
  source: sourceSchema.optional(),
  params: z
    .record(parameterName, z.unknown())
    .optional()
    .describe(
      'What a start may bring along: name: default, or name: {required: true, description, default}.',
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

const declaration = z.strictObject({
  type: z.string().optional(),
  required: z.boolean().optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
});

/** What is wrong with the declarations of a `params` block. */
export function parameterProblems(
  block: unknown,
): { readonly path: readonly string[]; readonly message: string; readonly suggestion?: string }[] {
  if (!isJsonObject(block)) return [];
  return Object.entries(block).flatMap(([name, written]) => {
    if (!isJsonObject(written) || !isDeclaration(written)) return [];
    return Object.entries(written).flatMap(([key, value]) => {
      const path = ['params', name, key];
      const known = Object.keys(declaration.shape);
      if (!known.includes(key)) {
        const suggestion = didYouMean(key, known);
        return [
          { path, message: `unknown key "${key}"`, ...(suggestion === undefined ? {} : { suggestion }) },
        ];
      }
      const fits = declaration.safeParse({ [key]: value }).success;
      const words = key === 'required' ? 'true or false' : 'a text';
      return fits ? [] : [{ path, message: `params.${name}.${key} must be ${words}` }];
    });
  });
}

/** A map is a default of its own unless it holds a word of a declaration, or a slip of one. */
function isDeclaration(written: JsonObject): boolean {
  const keys = Object.keys(written);
  const words = ['required', 'default', 'description'];
  return keys.some((key) => words.includes(key) || (key.length > 4 && nearest(key, words) !== undefined));
}

/** The `params` block: a value is the default itself, a map of the words of a declaration declares. */
export function parametersOf(block: StepFlowFile['params'] = {}): Parameter[] {
  return Object.entries(block).map(([name, written]): Parameter => {
    const declared =
      isJsonObject(written) && Object.keys(written).length > 0 ? declaration.safeParse(written) : undefined;
    if (declared?.success !== true)
      return { name, required: false, byDefault: (written ?? null) as JsonValue };
    const { required, description, default: byDefault } = declared.data;
    return {
      name,
      required: required ?? byDefault === undefined,
      byDefault: byDefault as JsonValue | undefined,
      ...(description === undefined ? {} : { description }),
    };
  });
}
