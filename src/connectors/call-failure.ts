import { type ErrorClass, type Failure, RecordFailure } from '../domain/failure.ts';
import { connectionTrouble } from './connection-trouble.ts';
import { foreignText } from './foreign-text.ts';
import { AddressRefused } from './guarded-lookup.ts';
import type { Refusal } from './http.ts';
import { AnswerTooLarge, NoAnswer, TimeOver, type WireAnswer } from './http-exchange.ts';
import { retryAfterMs } from './retry-after.ts';

/** What a failure says about the call that broke. */
export interface CallNames {
  readonly connector: string;
  /** False: a `url` of a step leads there. */
  readonly isDeclared?: boolean;
  /** The key that holds the whole address. Default: it is put together of `base_url` and `endpoint`. */
  readonly addressKey?: string | undefined;
  readonly method: string;
  /** As the flow writes it, so that the failures of many records read the same. */
  readonly endpoint: string;
  readonly step: string | undefined;
  readonly timeoutMs: number;
}

export function isWrite(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** The failure for a complete answer outside 2xx. `complaint` is what the target said. */
export function answerFailure(
  names: CallNames,
  answer: WireAnswer,
  complaint: string | undefined,
  now: number,
): Failure {
  const { status, headers } = answer;
  const errorClass = classOf(status);
  const wait = errorClass === 'transient' ? retryAfterMs(headers['retry-after'], now) : undefined;
  return {
    ...failure(
      names,
      errorClass,
      `http_${status}`,
      `${names.connector} answered ${status} to ${callOf(names)}`,
    ),
    ...said(complaint),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
}

/** The failure for a complete answer whose status is good and which is no success all the same. */
export function refusalFailure(
  names: CallNames,
  { status, headers }: WireAnswer,
  { errorClass, code, words, isDoubtful }: Refusal,
  complaint: string | undefined,
  now: number,
): Failure {
  const wait = errorClass === 'transient' ? retryAfterMs(headers['retry-after'], now) : undefined;
  return {
    ...failure(names, errorClass, code, `${names.connector} answered ${status} to ${callOf(names)}${words}`),
    ...said(complaint),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
    ...(isDoubtful && isWrite(names.method) ? { maybeApplied: true } : {}),
  };
}

/** What an HTTP status outside 2xx says about another call. */
export function classOf(status: number): ErrorClass {
  if (status === 401 || status === 403) return 'auth';
  if (status === 409) return 'conflict';
  if (status === 408 || status === 425 || status === 429 || status >= 500) return 'transient';
  return 'data';
}

/** A redirect that is not followed. */
export interface EndOfWay {
  readonly status: number;
  /** Where it leads; undefined: it does not say so. */
  readonly location: string | undefined;
  /** As many as are followed came before it. */
  readonly isTooFar: boolean;
}

export function redirectFailure(names: CallNames, end: EndOfWay): Failure {
  const { status, location } = end;
  // See Other: the work is done, and what came of it is to be seen elsewhere.
  const done = status === 303 && isWrite(names.method);
  const words = done
    ? 'where to see what came of it (303), which is not looked up'
    : redirectWords(end, names.addressKey ?? 'base_url and endpoint');
  const message = `${names.connector} answered ${callOf(names)} with ${words}`;
  return {
    ...failure(names, 'data', 'redirect_refused', message),
    ...said(location),
    ...(done ? { maybeApplied: true } : {}),
  };
}

function redirectWords({ status, location, isTooFar }: EndOfWay, address: string): string {
  if (location === undefined) {
    return `a redirect (${status}) that does not say where to; set ${address} to an address that answers`;
  }
  if (isTooFar) return `redirects (${status}) to redirects; set ${address} to where they end, if they do`;
  return `a redirect (${status}) that is not followed; set ${address} to where it leads`;
}

/** The failure for no answer, or for one that could not be read. */
export function noAnswerFailure(
  names: CallNames,
  { cause, sent }: Pick<NoAnswer, 'cause' | 'sent'>,
): Failure {
  const [errorClass, code, words] = troubleOf(cause, names);
  const lost = sent && isWrite(names.method);
  return { ...failure(names, errorClass, code, words), ...(lost ? { maybeApplied: true } : {}) };
}

/** What is thrown of an exchange that broke: a failure when no answer came, else the error as it is. */
export function withoutAnswer(names: CallNames, error: unknown): unknown {
  return error instanceof NoAnswer ? new RecordFailure(noAnswerFailure(names, error)) : error;
}

type Trouble = readonly [ErrorClass, code: string, message: string];

function troubleOf(cause: unknown, names: CallNames): Trouble {
  const { connector } = names;
  const call = callOf(names);
  if (cause instanceof TimeOver) {
    return ['transient', 'timeout', `${connector} did not answer ${call} within ${names.timeoutMs / 1000} s`];
  }
  if (cause instanceof AnswerTooLarge) {
    return ['data', 'response_too_large', `${connector} answered ${call} with more than 1 MiB`];
  }
  if (cause instanceof AddressRefused) {
    const advice =
      names.isDeclared === false
        ? 'if that is meant, write connector: with one that has allow_private: true, or set SLUICE_ALLOW_PRIVATE_HOSTS=1'
        : 'set allow_private: true in connectors.yaml if that is meant';
    return ['data', 'host_not_allowed', `${connector} leads to an address that is not public; ${advice}`];
  }
  const { code, message } = connectionTrouble(cause, connector);
  return ['transient', code, message];
}

/** A failure of a record whose values do not fit into a request. */
export function unfitFailure(names: CallNames, code: string, words: string): Failure {
  return failure(names, 'data', code, `${callOf(names)}: ${words}`);
}

function callOf({ method, endpoint }: CallNames): string {
  return `${method} ${endpoint}`;
}

function failure({ step }: CallNames, errorClass: ErrorClass, code: string, message: string): Failure {
  return { class: errorClass, code, message, ...(step === undefined ? {} : { step }) };
}

function said(text: string | undefined): { untrustedMessage?: string } {
  const clean = text === undefined ? undefined : foreignText(text);
  return clean === undefined ? {} : { untrustedMessage: clean };
}
