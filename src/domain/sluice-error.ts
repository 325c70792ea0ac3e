/** Stable words: clients and tests match on these, never on messages. */
export type ErrorCode =
  | 'invalid_input'
  | 'invalid_configuration'
  | 'batch_job_not_found'
  | 'batch_job_not_finished'
  | 'batch_job_finished'
  | 'batch_job_purged'
  | 'ambiguous_batch_job_id'
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
  | 'database_unavailable'
  | 'database_unsupported';

/**
 * A failure the caller can act on. Its message is written by Sluice and safe to show to a person or
 * a model; anything else that is thrown is a bug and is reported without detail.
 */
export class SluiceError extends Error {
  override readonly name = 'SluiceError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
