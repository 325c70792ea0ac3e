import type { PoolClient } from 'pg';
import type { SqlOutcome, SqlTransaction } from './sql.ts';
import { askServer } from './sql-exchange.ts';
import { endsSession, isServerError, type StatementNames, sqlFailure } from './sql-failure.ts';

/**
 * Runs statements in one transaction, each behind a savepoint.
 *
 * @throws what ended the session or refused the commit; then the transaction is rolled back, or nobody knows.
 */
export async function runTransaction(
  client: PoolClient,
  statements: SqlTransaction['statements'],
  signal: AbortSignal,
  names: StatementNames,
): Promise<SqlOutcome[]> {
  const say = (text: string) => askServer(client, { text, values: [], writes: true }, signal);
  const outcomes: SqlOutcome[] = [];
  await say('begin');
  for (const statement of statements) {
    await say('savepoint operation');
    try {
      outcomes.push({ answer: await askServer(client, { ...statement, writes: true }, signal) });
      await say('release savepoint operation');
    } catch (error) {
      if (!isServerError(error) || endsSession(error)) throw error;
      outcomes.push({ failure: sqlFailure(names, error, true) });
      await say('rollback to savepoint operation');
    }
  }
  await say('commit');
  return outcomes;
}
