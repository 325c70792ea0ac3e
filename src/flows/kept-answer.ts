import type { HttpAnswer } from '../connectors/http.ts';
import { RecordFailure } from '../domain/failure.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { Mapping } from './mapping.ts';
import { type Names, recordNames, withNames } from './names.ts';
import { storedResult } from './stored-result.ts';

/** What the texts see that look at the answer to a call, besides those of the call itself. */
export const withResponse = (names: Names): Names => withNames(names, ['response']);

/** What the texts of a `result` block see: the record, and the answer to its call. */
export const answerNames: Names = withResponse(recordNames);

/** The fields of the body are those of the response as well, so that `response.id` is what it looks like. */
export function responseOf({ status, headers, body }: HttpAnswer): JsonObject {
  return { ...(isJsonObject(body) ? body : {}), status, headers, body };
}

/**
 * What a record keeps of the answer to its call.
 *
 * @throws RecordFailure when the answer lacks what the flow wants to keep: the call has been made all the same.
 */
export function keptOf(keeps: Mapping, record: JsonValue, answer: HttpAnswer): JsonValue {
  try {
    return storedResult(keeps.apply({ record, response: responseOf(answer) }));
  } catch (error) {
    if (!(error instanceof RecordFailure)) throw error;
    const { step, message, ...failure } = error.failure;
    throw new RecordFailure({
      ...failure,
      message: `The target answered ${answer.status}, and what is to be kept of the answer is not there: ${message}`,
      step: step === undefined ? 'result' : `result.${step}`,
      maybeApplied: true,
    });
  }
}
