import { SluiceError } from '../domain/sluice-error.ts';

/**
 * What went wrong in the database, without the statement, its parameters or the driver's text: those
 * hold records and must not reach a log or a caller.
 */
export class DatabaseFault extends Error {
  override readonly name = 'DatabaseFault';
  /** SQLSTATE, the driver's code, or a word of ours. */
  readonly code: string;
  /** The constraint that was violated, if it was one. */
  readonly constraint: string | undefined;

  constructor(code: string, message: string, constraint?: string) {
    super(`${message} (${code}${constraint === undefined ? '' : `, ${constraint}`})`);
    this.code = code;
    this.constraint = constraint;
  }
}

/** The fault behind whatever the driver or Drizzle threw. */
export function toFault(error: unknown): Error {
  if (error instanceof DatabaseFault || error instanceof SluiceError) return error;
  const { code, constraint } = detailsOf(error);
  if (code === undefined && !(error instanceof Error && error.cause)) return error as Error;
  return new DatabaseFault(code ?? 'unknown', 'the database refused a statement', constraint);
}

/** Codes of Node and postgres.js for a connection that is not there. */
const connectionCodes = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'CONNECTION_CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'deadline',
  'mixed_answer',
]);

/** Deadlock and serialisation failures, after which a repeat is due as well. */
const repeatable = new Set(['40001', '40P01']);

/** True when the statement may be sent again: the server was not there, went away, or asked for it. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof SluiceError) return false;
  const { code } = detailsOf(error);
  if (code === undefined) return false;
  // 08: connection exceptions. 57P01-57P03: terminated, crashed, starting up or shutting down. 53300: too many clients.
  return connectionCodes.has(code) || repeatable.has(code) || /^(08...|57P0[1-3]|53300)$/.test(code);
}

/** The operating system's word for why there is no connection, such as ECONNREFUSED; undefined: it said none. */
export function systemCodeOf(error: unknown): string | undefined {
  const { code } = detailsOf(error);
  return code !== undefined && /^E[A-Z_]+$/.test(code) ? code : undefined;
}

/**
 * True when it was the server that refused the statement. A client that did so by itself goes on with the statement in
 * its place, and may never settle the next one.
 */
export function isAnswer(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at.name === 'PostgresError') return true;
  return false;
}

/**
 * True when what has become of one client may have become of all that are as old: promises may never settle, or the
 * server may have to be found or started again. A mere cut of one says nothing of the others.
 */
export function concernsAllClients(error: unknown): boolean {
  const { code } = detailsOf(error);
  return code !== undefined && connectionCodes.has(code) && code !== 'CONNECTION_CLOSED';
}

/**
 * The same statement will never pass: data exceptions, broken rules and limits of the server (SQLSTATE
 * classes 22, 23 and 54), or what cannot even be written as JSON.
 */
export function refusesContent(error: unknown): boolean {
  return error instanceof DatabaseFault ? /^(22|23|54)/.test(error.code) : !(error instanceof SluiceError);
}

/** There is a row with the same key already. */
export const violatesUniqueness = (error: unknown): error is DatabaseFault =>
  error instanceof DatabaseFault && error.code === '23505';

/** The server has no room to write what it was asked to. */
export const isDiskFull = (error: unknown): boolean => detailsOf(error).code === '53100';

function detailsOf(error: unknown): { code?: string; constraint?: string } {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code, constraint_name: constraint } = at as Error & { code?: unknown; constraint_name?: string };
    if (typeof code === 'string') return { code, ...(constraint === undefined ? {} : { constraint }) };
  }
  return {};
}
