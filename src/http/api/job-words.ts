import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json.ts';
import { Refusal } from '../problem.ts';
import { parseJson } from './read-body.ts';

/** Other words for parameters of start_batch. */
const parameterWords = { flow: 'flow_id', payloads: 'records', max_concurrency: 'concurrency' } as const;

/** Other words for the statuses of jobs. */
export const statusWords = {
  queued: 'pending',
  running: 'processing',
  succeeded: 'completed',
  partially_failed: 'completed_with_errors',
} as const;

/** The same in the words of start_batch and preview_batch; lists of records may be texts in JSON, whole or one by one. */
export function toStartWords(given: JsonObject): JsonObject {
  const entries = Object.entries(given).map(([name, value]): [string, JsonValue] => {
    const known = Object.hasOwn(parameterWords, name)
      ? parameterWords[name as keyof typeof parameterWords]
      : name;
    if (known !== name && Object.hasOwn(given, known)) {
      throw new Refusal(
        400,
        'invalid_input',
        `${name} is another word for ${known}; give one of the two. Nothing was started.`,
      );
    }
    return [known, known === 'records' ? recordsOf(value, name) : value];
  });
  return withoutTotal(Object.fromEntries(entries));
}

/** Who says how many records there are is right, or refused. */
function withoutTotal({ total_count: total, ...given }: JsonObject): JsonObject {
  const { records } = given;
  if (total === undefined || !Array.isArray(records) || records.length === total) return given;
  throw new Refusal(
    400,
    'invalid_input',
    `total_count is ${JSON.stringify(total).slice(0, 40)}, and there are ${records.length} records. Nothing was started.`,
  );
}

function recordsOf(given: JsonValue, name: string): JsonValue {
  const list = typeof given === 'string' ? parseJson(given, name) : given;
  if (!Array.isArray(list)) return list;
  return list.map((record: JsonValue, at) =>
    typeof record === 'string' ? parseJson(record, `${name}[${at}]`) : record,
  );
}

/** The facts of a job under the names that many clients look for, beside Sluice's own. */
export function withJobWords(job: JsonObject): JsonObject {
  const { batch_job_id: id, total, counts } = job;
  return {
    ...job,
    ...(id === undefined ? {} : { id }),
    ...(total === undefined ? {} : { total_count: total }),
    ...(isJsonObject(counts) ? countWords(counts) : {}),
  };
}

/** Records that have succeeded, and that have failed, in whichever attempt. */
export function countWords(counts: JsonObject): { succeeded_count: number; failed_count: number } {
  const of = (status: string) => Number(counts[status] ?? 0);
  return {
    succeeded_count: of('succeeded') + of('retried_success'),
    failed_count: of('failed') + of('retried_failed'),
  };
}

const count = { type: 'integer', minimum: 0 };

/** What `withJobWords` adds, as JSON Schema. */
export const jobWordSchemas: Readonly<Record<string, JsonObject>> = {
  id: { type: 'string', description: 'The same as batch_job_id' },
  total_count: { ...count, description: 'The same as total' },
  succeeded_count: { ...count, description: 'succeeded + retried_success' },
  failed_count: { ...count, description: 'failed + retried_failed' },
};

/** What `toStartWords` takes besides, as JSON Schema. */
export const startWordSchemas: Readonly<Record<string, JsonObject>> = {
  flow: { type: 'string', description: 'Another word for flow_id' },
  payloads: {
    description:
      'Another word for records. A list of objects, or of texts in JSON, or such a list as one text',
    anyOf: [{ type: 'string' }, { type: 'array', items: { type: ['object', 'string'] } }],
  },
  total_count: { type: 'integer', description: 'How many records there are; refused when there are others' },
  max_concurrency: { type: 'integer', minimum: 1, description: 'Another word for concurrency' },
};
