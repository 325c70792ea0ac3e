import type { Failure } from '../domain/failure.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';

/** One statement for a database. Values never stand in its text: they are `$1`, `$2`, … */
export interface SqlStatement {
  readonly text: string;
  readonly values: readonly JsonValue[];
  /** It may change something, so that an answer that is lost matters. */
  readonly writes: boolean;
  /** Total time in milliseconds; default: the connector's. */
  readonly timeoutMs?: number;
  /** Name of the step, for the failure. */
  readonly step: string;
  readonly signal: AbortSignal;
}

export interface SqlAnswer {
  /** Rows of a query or of `returning`, at most 10,000; dates and big numbers as texts. */
  readonly rows: readonly JsonObject[];
  /** Names of the columns, also when there are no rows; empty for a statement that returns none. */
  readonly columns: readonly string[];
  /** Rows the statement has touched. */
  readonly count: number;
}

/** Statements that share a transaction. */
export interface SqlTransaction {
  readonly statements: readonly Pick<SqlStatement, 'text' | 'values'>[];
  /** Of all of them together, in milliseconds; default: the connector's. */
  readonly timeoutMs?: number;
  readonly step: string;
  readonly signal: AbortSignal;
}

/** What one statement of a transaction came to. */
export type SqlOutcome = { readonly answer: SqlAnswer } | { readonly failure: Failure };

export interface SqlConnector {
  readonly name: string;
  /**
   * Runs a statement in a transaction of its own.
   *
   * @throws RecordFailure. Class `data` for a constraint or a value that does not fit, `conflict` for a
   * duplicate, `auth` for a refused login or permission, `transient` for a lost connection (`maybeApplied`
   * when the statement had been sent), a deadlock or a timeout.
   */
  run(statement: SqlStatement): Promise<SqlAnswer>;
  /**
   * Runs statements one after the other in one transaction, each behind a savepoint: what one that fails has begun
   * is undone, and nothing else.
   *
   * @throws RecordFailure when the transaction as a whole came to nothing, or may have.
   */
  transact(transaction: SqlTransaction): Promise<readonly SqlOutcome[]>;
}
