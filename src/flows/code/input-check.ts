import { foreignText } from '../../connectors/foreign-text.ts';
import { RecordFailure } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { Flow } from '../flow.ts';
import { writtenIn } from './connector-call.ts';
import type { Anything } from './flow-context.ts';
import type { InputSchema } from './flow-settings.ts';
import { ownCopy } from './own-copy.ts';

/**
 * The payload as the flow gets it: what the schema makes of it, or a copy. `text` is that of the module.
 *
 * @throws RecordFailure of class data, `input_invalid`, with the path and Sluice's own words.
 */
export async function checkedPayload(
  payload: JsonValue,
  schema: InputSchema | undefined,
  isChunk: boolean,
  text: string,
): Promise<unknown> {
  if (schema === undefined) return ownCopy(payload);
  if (!isChunk || !Array.isArray(payload)) return checked(payload, schema, text);
  return Promise.all((payload as readonly JsonValue[]).map((record) => checked(record, schema, text)));
}

/** See `Flow.checkInput`: as the run would say it. What the schema does not say at once is left to the run. */
export function inputCheckOf(schema: InputSchema | undefined, text: string): Flow['checkInput'] {
  if (schema === undefined) return undefined;
  return (payload) => {
    const copy = ownCopy(payload);
    const result = resultAtOnce(schema, copy);
    return result?.success === false ? invalidInput(result.error, copy, text).failure : undefined;
  };
}

/** Undefined: the schema throws, as one with asynchronous parts does. */
function resultAtOnce(schema: InputSchema, record: unknown) {
  try {
    return schema.safeParse(record);
  } catch {
    return undefined;
  }
}

async function checked(record: JsonValue, schema: InputSchema, text: string): Promise<unknown> {
  const copy = ownCopy(record);
  const result = await resultOf(schema, copy);
  if (result.success) return result.data;
  throw invalidInput(result.error, copy, text);
}

/** Schemas with asynchronous parts have a method of their own. */
async function resultOf(schema: InputSchema & { safeParseAsync?: unknown }, record: unknown) {
  if (typeof schema.safeParseAsync !== 'function') return schema.safeParse(record);
  return (await schema.safeParseAsync(record)) as ReturnType<InputSchema['safeParse']>;
}

function invalidInput(error: Anything, record: unknown, text: string): RecordFailure {
  const issues: unknown = error?.issues;
  const [first, ...others] = Array.isArray(issues) ? (issues as readonly unknown[]) : [];
  const { path, code, expected, message } = partsOf(first);
  const place = path.length === 0 ? 'the record' : placeOf(path, text);
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  const said = foreignText(String(message ?? ''));
  return new RecordFailure({
    class: 'data',
    code: 'input_invalid',
    message: `${place} ${wordsFor(code, expected, isMissing(record, path))}${more}`,
    step: 'input',
    ...(said === undefined ? {} : { untrustedMessage: said }),
  });
}

function partsOf(issue: unknown) {
  const { path, code, expected, message } = (issue ?? {}) as Record<string, unknown>;
  return { path: Array.isArray(path) ? (path as readonly unknown[]) : [], code, expected, message };
}

/** Keys that do not stand in the module may be those of the record, so they are left out. */
function placeOf(path: readonly unknown[], text: string): string {
  const segments = path.map((key) => {
    if (typeof key === 'number') return '[]';
    return writtenIn(text, String(key)) ? `.${String(key)}` : '.…';
  });
  return segments.join('').replace(/^\./, '');
}

const typeNames = ['string', 'number', 'int', 'boolean', 'object', 'array', 'date', 'null'];

function wordsFor(code: unknown, expected: unknown, missing: boolean): string {
  if (missing) return 'is missing';
  if (code === 'invalid_type' && typeof expected === 'string' && typeNames.includes(expected)) {
    return `must be ${/^[aio]/.test(expected) ? 'an' : 'a'} ${expected}`;
  }
  if (code === 'unrecognized_keys') return 'has keys that the input schema does not know';
  return 'does not fit the input schema';
}

function isMissing(record: unknown, path: readonly unknown[]): boolean {
  let value = record;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return false;
    value = Object.getOwnPropertyDescriptor(value, key as PropertyKey)?.value;
  }
  return value === undefined;
}
