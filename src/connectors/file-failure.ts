import { RecordFailure } from '../domain/failure.ts';
import { type CallNames, noAnswerFailure } from './call-failure.ts';
import { connectionTrouble } from './connection-trouble.ts';
import { TimeOver } from './http-exchange.ts';

/** The connector's limits let no call begin in time. */
export class TurnTooLate extends Error {
  override readonly name = 'TurnTooLate';
}

export function noTurnFailure({ connector, endpoint, timeoutMs }: CallNames): RecordFailure {
  const message = `GET ${endpoint} had no turn within ${timeoutMs / 1000} s: ${connector} takes no more calls at present (concurrency, rate, or a rest that it has asked for)`;
  return failure('limits_reached', message);
}

/** The failure for a file of which nothing came. */
export const noFileFailure = (names: CallNames, cause: unknown) =>
  new RecordFailure(noAnswerFailure(names, { cause, sent: true }));

/** The failure for a file that broke off. */
export function cutFailure({ connector, endpoint, timeoutMs }: CallNames, cause: unknown): RecordFailure {
  const where = `in the middle of its answer to GET ${endpoint}`;
  if (cause instanceof TimeOver)
    return failure('timeout', `${connector} fell silent for ${timeoutMs / 1000} s ${where}`);
  const { code, message } = connectionTrouble(cause, connector);
  return failure(code, `${message} ${where}, so the file is not whole`);
}

export const longerFailure = ({ connector, endpoint }: CallNames) =>
  failure(
    'response_invalid',
    `${connector} answered GET ${endpoint} with more bytes than its Content-Length says, so where the file ends is not known`,
  );

export function packedFailure({ connector, endpoint }: CallNames, encoding: string): RecordFailure {
  const message = `${connector} answered GET ${endpoint} with a body that cannot be unpacked as its Content-Encoding (${encoding}) says`;
  return failure('response_invalid', message);
}

function failure(code: string, message: string): RecordFailure {
  return new RecordFailure({ class: 'transient', code, message });
}
