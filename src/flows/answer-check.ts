import { z } from 'zod';
import { answerNotAccepted, type HttpAnswer, type Refusal } from '../connectors/http.ts';
import { RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { Condition } from './condition.ts';
import type { Scope } from './names.ts';

const condition = z.string('must be a condition such as response.body.ok == true').optional();

/** Keys of everything that makes a call: what has to be true of an answer besides its status. */
export const answerConditions = {
  success_when: condition.describe(
    'A CEL expression over `response` that is true of a good answer, such as response.body.ok == true; any other fails the record.',
  ),
  retry_when: condition.describe(
    'With success_when: an answer that is no success is a transient failure if this CEL expression is true.',
  ),
};

export type AnswerConditions = { readonly [Key in keyof typeof answerConditions]?: unknown };

/** What a flow asks of an answer whose status is good. */
export interface AnswerCheck {
  readonly success: Condition;
  readonly retry: Condition | undefined;
}

/** What is wrong with `retry_when` when nothing says what success is; undefined: nothing. */
export const loneRetry = ({ success_when, retry_when }: AnswerConditions) =>
  retry_when === undefined || success_when !== undefined
    ? undefined
    : {
        message: 'needs success_when, which says what a good answer is',
        suggestion: 'write success_when: response.body.ok == true',
      };

export const readsOf = ({ success, retry }: AnswerCheck) => [...success.reads, ...(retry?.reads ?? [])];

/** Undefined: the answer is a success. `scope` has it as `response`. */
export function refusalOf(
  { success, retry }: AnswerCheck,
  { body }: HttpAnswer,
  scope: Scope,
): Refusal | undefined {
  const isSuccess = decided(success, scope);
  if (isSuccess === true) return undefined;
  const mayPass = retry === undefined ? false : decided(retry, scope);
  if (mayPass === true) return refusal('transient', ', and retry_when asks for another try');
  if (typeof isSuccess === 'object') {
    return {
      errorClass: 'data',
      code: isSuccess.code,
      words: `${bodyWords(body)}, and ${isSuccess.message}`,
      isDoubtful: true,
    };
  }
  const undecided = typeof mayPass === 'object' ? `; ${mayPass.message}` : '';
  return refusal('data', `, and success_when is not true of the answer${undecided}`);
}

const refusal = (errorClass: Refusal['errorClass'], words: string): Refusal => ({
  errorClass,
  code: answerNotAccepted,
  words,
  isDoubtful: false,
});

/** Why it cannot be decided, if it cannot. */
function decided(asked: Condition, scope: Scope): boolean | { code: string; message: string } {
  try {
    return asked.holds(scope);
  } catch (error) {
    if (error instanceof RecordFailure) return error.failure;
    throw error;
  }
}

/** Why nothing is there that an expression could look at. */
function bodyWords(body: JsonValue): string {
  if (body === null) return ' without a body';
  return typeof body === 'string' ? ' with text instead of JSON' : '';
}
