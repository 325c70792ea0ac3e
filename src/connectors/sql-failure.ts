import type { ErrorClass, Failure } from '../domain/failure.ts';
import { codeOf, connectionTrouble } from './connection-trouble.ts';
import { foreignText } from './foreign-text.ts';
import { AddressRefused } from './guarded-lookup.ts';
import { AnswerTooLarge, TimeOver } from './http-exchange.ts';

export const maxRows = 10_000;

/** More rows came than are kept. */
export class TooManyRows extends Error {
  override readonly name = 'TooManyRows';
}

/** What a failure says about the statement that broke. */
export interface StatementNames {
  readonly connector: string;
  readonly step: string;
  readonly timeoutMs: number;
  readonly writes: boolean;
  /** Masks the connector's secrets in a text. */
  readonly scrub: (text: string) => string;
}

/** What the server says of an error, as far as it is used: the rest may hold the statement. */
interface ServerError {
  readonly code: string;
  /** In the language of the server. */
  readonly severity: string;
  readonly message: string;
  readonly detail?: string;
  readonly constraint?: string;
  readonly column?: string;
}

/**
 * The failure for whatever node-postgres threw. `sent` is true when the statement was on its way; then a
 * write whose answer is lost may have been applied.
 */
export function sqlFailure(names: StatementNames, error: Error, sent: boolean): Failure {
  if (isServerError(error)) return refusal(names, error, sent);
  const [errorClass, code, message] = troubleOf(names, error);
  return { ...failure(names, errorClass, code, message), ...mark(sent && names.writes) };
}

type Trouble = readonly [ErrorClass, code: string, message: string];

function troubleOf({ connector, timeoutMs }: StatementNames, error: Error): Trouble {
  if (error instanceof TimeOver) {
    return ['transient', 'timeout', `${connector} did not answer within ${timeoutMs / 1000} s`];
  }
  if (error instanceof TooManyRows) {
    return ['data', 'too_many_rows', `${connector} answered with more than ${maxRows} rows`];
  }
  if (error instanceof AnswerTooLarge) {
    return ['data', 'response_too_large', `${connector} answered with more than 8 MiB`];
  }
  if (error instanceof AddressRefused) {
    const advice = 'set allow_private: true in connectors.yaml if that is meant';
    return ['data', 'host_not_allowed', `${connector} leads to an address that is not public; ${advice}`];
  }
  // Errors of node-postgres itself have nothing but a message.
  if (/\bSSL\b/.test(error.message)) {
    return ['transient', 'tls_error', `${connector} could not be reached securely (TLS)`];
  }
  if (/\bSASL\b|password/.test(error.message)) return ['auth', 'login_refused', loginRefused(connector)];
  if (/timeout/.test(error.message) && codeOf(error) === 'Error') {
    return ['transient', 'timeout', `${connector} could not be reached in time`];
  }
  const { code, message } = connectionTrouble(error, connector);
  return ['transient', code, message];
}

const loginRefused = (connector: string) => `${connector} refused the login`;

/** The failure for an error the server has answered with. */
function refusal(names: StatementNames, error: ServerError, sent: boolean): Failure {
  const { connector, scrub } = names;
  const [errorClass, code, message] = meaningOf(connector, error);
  const said = foreignText(scrub([error.message, error.detail].filter(Boolean).join('. ')));
  return {
    ...failure(names, errorClass, code, message),
    ...(said === undefined ? {} : { untrustedMessage: said }),
    ...mark(sent && names.writes && endsSession(error)),
  };
}

/** By SQLSTATE, what we call it: a code, and words for it. */
const known: Readonly<Record<string, readonly [code: string, words: string]>> = {
  '08P01': ['values_miscounted', 'a wrong number of values'],
  '22001': ['value_too_long', 'value too long'],
  '22003': ['number_out_of_range', 'number out of range'],
  '22007': ['date_invalid', 'no date or time'],
  '22008': ['date_out_of_range', 'date or time out of range'],
  '22012': ['division_by_zero', 'division by zero'],
  '22021': ['character_not_allowed', 'a character that a text cannot hold there, such as NUL'],
  '22P02': ['value_invalid', 'a value that its type cannot hold'],
  '22P05': ['character_not_allowed', 'a character that cannot be stored there'],
  '23502': ['not_null_violation', 'not-null violation'],
  '23503': ['foreign_key_violation', 'foreign key violation'],
  '23505': ['unique_violation', 'unique violation'],
  '23514': ['check_violation', 'check violation'],
  '23P01': ['exclusion_violation', 'exclusion violation'],
  '40001': ['serialization_failure', 'it met another transaction'],
  '40P01': ['deadlock', 'deadlock'],
  '42501': ['permission_denied', 'permission denied'],
  '42601': ['sql_invalid', 'syntax error'],
  '42703': ['sql_invalid', 'a column that is not there'],
  '42804': ['sql_invalid', 'types that do not fit each other'],
  '42883': ['sql_invalid', 'a function or operator that is not there'],
  '42P01': ['sql_invalid', 'a table that is not there'],
  '42P08': ['sql_invalid', 'a place whose type is not clear; write {{ … }}::text'],
  '42P18': ['sql_invalid', 'a place whose type is not clear; write {{ … }}::text'],
  '55P03': ['lock_not_available', 'a lock was not to be had'],
};

function meaningOf(connector: string, error: ServerError): Trouble {
  const state = error.code;
  if (state.startsWith('28')) return ['auth', 'login_refused', loginRefused(connector)];
  if (state === '3D000') return ['data', 'database_missing', `${connector} has no database of that name`];
  if (state === '57014') return ['transient', 'statement_cancelled', `${connector} cancelled the statement`];
  if (endsSession(error)) return ['transient', 'connection_ended', `${connector} ended the connection`];
  if (state.startsWith('53'))
    return ['transient', 'database_exhausted', `${connector} has no more room (${state})`];

  const [code, words] = known[state] ?? [otherCode(state), `error ${state}`];
  const subject = subjectOf(error);
  const message = `${connector} refused the statement: ${words}${subject === undefined ? '' : ` (${subject})`}`;
  return [classOf(state), code, message];
}

function otherCode(state: string): string {
  return state.startsWith('42') ? 'sql_invalid' : `sql_${state.toLowerCase()}`;
}

function classOf(state: string): ErrorClass {
  if (state === '23505') return 'conflict';
  if (state === '42501') return 'auth';
  return /^(40|55P03|57|58|XX)/.test(state) ? 'transient' : 'data';
}

/** The constraint or column: names that the database's owner gave, and the same for every record. */
function subjectOf({ constraint, column }: ServerError): string | undefined {
  const name = constraint ?? column;
  return name !== undefined && /^[\w$.-]{1,63}$/.test(name) ? name : undefined;
}

/** The server has ended the session, or is about to: nothing more can be asked over this connection. */
export function endsSession({ code, severity }: Pick<ServerError, 'code' | 'severity'>): boolean {
  // A pooler says 08P01 of whatever it dislikes, a server only of a wrong number of values.
  if (code === '08P01') return severity === 'FATAL';
  return /^(08|57P)|^(40003|53300|25P03)$/.test(code);
}

/** An error with a SQLSTATE, in whatever language its message is. */
export function isServerError(error: unknown): error is Error & ServerError {
  return error instanceof Error && /^[0-9A-Z]{5}$/.test(codeOf(error)) && 'severity' in error;
}

function failure({ step }: StatementNames, errorClass: ErrorClass, code: string, message: string): Failure {
  return { class: errorClass, code, message, step };
}

const mark = (maybeApplied: boolean) => (maybeApplied ? { maybeApplied } : {});
