import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { SluiceError, type WrongItem } from '../domain/sluice-error.ts';
import { visibleText } from '../domain/visible-text.ts';
import { describeError } from '../operations/describe-error.ts';

/** Statuses of refusals that are neither the caller's mistake nor a name that is not there. */
const statuses: Readonly<Record<string, ContentfulStatusCode>> = {
  internal_error: 500,
  rate_limited: 429,
  issuer_unavailable: 503,
  database_unavailable: 503,
  database_unsupported: 503,
  engine_unavailable: 503,
  source_unavailable: 502,
  too_many_operations: 413,
  upload_too_large: 413,
  upload_quota_exceeded: 413,
  storage_full: 507,
};

function statusOf(code: string): ContentfulStatusCode {
  if (statuses[code] !== undefined) return statuses[code];
  if (code.endsWith('_not_found')) return 404;
  return conflicts.has(code) ? 409 : 400;
}

/** The state of what is there stands against the call. */
const conflicts = new Set([
  'already_running',
  'batch_job_finished',
  'batch_job_not_finished',
  'batch_job_purged',
  'idempotency_key_reused',
  'nothing_to_retry',
  'approval_needed',
  'plan_changed',
  'plan_required',
  'not_undoable',
  'nothing_to_undo',
  'upload_in_use',
]);

/** An answer as RFC 9457 has it, with Sluice's stable code. */
export function problem(
  c: Context,
  status: ContentfulStatusCode,
  code: string,
  detail: string,
  headers: Record<string, string> = {},
  more: {
    readonly errors?: readonly WrongItem[] | undefined;
    readonly untrusted_message?: string | undefined;
  } = {},
): Response {
  const title = code.replaceAll('_', ' ');
  const said = { type: 'about:blank', title, status, code, detail: visibleText(detail) };
  // What is undefined is left out of the text.
  return c.json({ ...said, ...more }, status, {
    'content-type': 'application/problem+json',
    ...headers,
  });
}

/** A request that is turned away for its form, before any operation is asked. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: ContentfulStatusCode;
  readonly code: string;
  readonly headers: Record<string, string>;

  constructor(
    status: ContentfulStatusCode,
    code: string,
    message: string,
    headers: Record<string, string> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

export const notAllowed = (c: Context, allow: string): Response =>
  problem(c, 405, 'method_not_allowed', `This address takes ${allow} only.`, { allow });

/** Also what those are told for whom there might be something. */
export const nothingHere = (c: Context): Response =>
  problem(c, 404, 'route_not_found', 'There is nothing at this address.');

/** The answer to a call that was refused or went wrong. */
export function problemOf(
  c: Context,
  error: unknown,
  onUnexpected: (error: unknown, where: string) => void,
): Response {
  if (error instanceof Refusal) return problem(c, error.status, error.code, error.message, error.headers);
  if (!(error instanceof SluiceError || isAbandoned(c, error)))
    onUnexpected(error, `${c.req.method} ${c.req.routePath}`);
  const { code, message } = describeError(error);
  const { errors, retryAfterMs } = error instanceof SluiceError ? error : {};
  const wait = retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
  return problem(c, statusOf(code), code, message, wait, { errors });
}

/** The caller went away in the middle, so that nobody waits for the answer. Node 24 calls it a reset. */
const isAbandoned = (c: Context, error: unknown) =>
  c.req.raw.signal.aborted &&
  error instanceof Error &&
  (error.name === 'AbortError' || (error as NodeJS.ErrnoException).code === 'ECONNRESET');
