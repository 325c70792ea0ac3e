/** Stable words: clients and tests match on these, never on messages. */
export type ErrorCode =
  | 'invalid_input'
  | 'invalid_configuration'
  | 'batch_job_not_found'
  | 'batch_job_not_finished'
  | 'batch_job_finished'
  | 'batch_job_purged'
  | 'ambiguous_batch_job_id'
  | 'record_not_found'
  | 'nothing_to_retry'
  | 'not_undoable'
  | 'nothing_to_undo'
  | 'flow_not_found'
  | 'flow_invalid'
  | 'connector_invalid'
  | 'code_steps_not_allowed'
  | 'idempotency_key_reused'
  | 'already_running'
  | 'approval_needed'
  | 'plan_required'
  | 'plan_changed'
  | 'source_not_found'
  | 'source_not_allowed'
  | 'source_invalid'
  | 'source_changed'
  | 'source_unavailable'
  | 'upload_not_found'
  | 'upload_too_large'
  | 'upload_quota_exceeded'
  | 'upload_in_use'
  | 'storage_full'
  | 'too_many_operations'
  | 'token_not_found'
  | 'rate_limited'
  | 'issuer_unavailable'
  | 'database_unavailable'
  | 'database_unsupported';

/** One of the things that are wrong with a call, for programs. */
export interface WrongItem {
  /** Position in the list that was given, from 0. */
  readonly index?: number;
  readonly id?: string | number;
  readonly field?: string;
  readonly message: string;
}

interface Details extends ErrorOptions {
  readonly errors?: readonly WrongItem[];
  readonly retryAfterMs?: number;
}

/**
 * A failure the caller can act on. Its message is written by Sluice and safe to show to a person or
 * a model; anything else that is thrown is a bug and is reported without detail.
 */
export class SluiceError extends Error {
  override readonly name = 'SluiceError';
  readonly code: ErrorCode;
  /** Everything that is wrong, where there may be many things; the message says how many. */
  readonly errors: readonly WrongItem[] | undefined;
  /** When the same call may succeed. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, { errors, retryAfterMs, ...options }: Details = {}) {
    super(message, options);
    this.code = code;
    this.errors = errors;
    this.retryAfterMs = retryAfterMs;
  }
}
