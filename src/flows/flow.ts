import type { ConnectorRegistry } from '../connectors/registry.ts';
import type { RecordFailureAction } from '../domain/job.ts';
import type { JsonValue } from '../domain/json.ts';
import type { RetryPolicy } from '../domain/retry-policy.ts';

/** What a flow's `batch` block says when the caller does not. */
export interface BatchDefaults {
  readonly concurrency?: number;
  readonly continueOnError?: boolean;
  readonly onRecordFailure?: RecordFailureAction;
  readonly maxFailures?: number;
  /** Field of the payload that holds the record's own id. */
  readonly idField?: string;
}

/** A path of the payload the flow reads, for callers who want to know what to send. */
export interface ExpectedField {
  readonly path: string;
  readonly required: boolean;
}

/** One compiled revision of a flow. Compiled once, then run for every record. */
export interface Flow {
  /** The same for every revision: derived from the name. */
  readonly flowId: string;
  readonly name: string;
  /** The author's label. */
  readonly version: number | null;
  /** Hash of the text; what jobs are pinned to. */
  readonly revision: string;
  readonly description: string | null;
  readonly text: string;
  /** True when a run can change something outside Sluice, so that running it twice matters. */
  readonly hasEffects: boolean;
  readonly retry: RetryPolicy;
  /** From `on_error.then`. */
  readonly afterFailure: RecordFailureAction;
  readonly batch: BatchDefaults;
  /** Names of the connectors a run may call. */
  readonly connectors: readonly string[];
  readonly expects: readonly ExpectedField[];
  /** One line a person understands: `POST crm-system /api/customers`. */
  readonly summary: string;
  /**
   * Runs the flow over one record and returns its result.
   *
   * @throws RecordFailure for anything wrong with the record, the target or the answer.
   */
  run(attempt: Attempt): Promise<JsonValue> | JsonValue;
}

/** What one run of a flow gets to see and use. */
export interface Attempt {
  readonly batchJobId: string;
  /** Records in the job, as far as they have been read. */
  readonly total: number;
  readonly index: number;
  readonly id: string | null;
  readonly revision: number;
  readonly payload: JsonValue;
  readonly connectors: ConnectorRegistry;
  /** Aborted when the attempt has to end now. */
  readonly signal: AbortSignal;
}
