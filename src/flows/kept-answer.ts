import type { HttpAnswer } from '../connectors/http.ts';
import { RecordFailure } from '../domain/failure.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import type { Mapping } from './mapping.ts';
import { type Names, recordNames, withNames } from './names.ts';
import { storedResult } from './stored-result.ts';

/** What the texts of a `result` block see: the record, and the answer to its call. */
export const answerNames: Names = withNames(recordNames, ['response']);

/**
 * What a record keeps of the answer to its call. The fields of the body are those of the response as well, so
 * that `response.id` is what it looks like.
 *
 * @throws RecordFailure when the answer lacks what the flow wants to keep: the call has been made all the same.
 */
export function keptOf(keeps: Mapping, record: JsonValue, { status, headers, body }: HttpAnswer): JsonValue {
  const response = { ...(isJsonObject(body) ? body : {}), status, headers, body };
  try {
    return storedResult(keeps.apply({ record, response }));
  } catch (error) {
    if (!(error instanceof RecordFailure)) throw error;
    const { step, message, ...failure } = error.failure;
    throw new RecordFailure({
      ...failure,
      message: `The target answered ${status}, and what is to be kept of the answer is not there: ${message}`,
      step: step === undefined ? 'result' : `result.${step}`,
      maybeApplied: true,
    });
  }
}
