import pg from 'pg';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { watchAbort } from './abort-watch.ts';
import { AnswerTooLarge } from './http-exchange.ts';
import type { SqlAnswer } from './sql.ts';
import { maxRows, TooManyRows } from './sql-failure.ts';
import { boundValue, readerOf } from './sql-values.ts';

/** Characters of all values of an answer. */
const maxCharacters = 8 * 1024 * 1024;

/** What is sent to a server. */
export interface SqlQuestion {
  readonly text: string;
  readonly values: readonly JsonValue[];
  readonly writes: boolean;
}

/**
 * Sends a statement and reads its whole answer. The server takes it as one statement, whatever its text
 * and its values are.
 *
 * @throws what the server or the connection broke with, TooManyRows or AnswerTooLarge, or the signal's
 * reason as soon as it is aborted; then the server may still be at work.
 */
export function askServer(
  client: pg.ClientBase,
  question: SqlQuestion,
  signal: AbortSignal,
): Promise<SqlAnswer> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const rows: JsonObject[] = [];
    let size = 0;
    let overflow: Error | undefined;
    const stopAt = (limit: Error): void => {
      overflow ??= limit;
      // A write is waited for: breaking off would leave open whether it was done.
      if (!question.writes) reject(limit);
    };
    const read = (type: number) => {
      const reader = readerOf(type);
      return (text: string): JsonValue => {
        size += text.length;
        if (size <= maxCharacters) return reader(text);
        stopAt(new AnswerTooLarge());
        return null;
      };
    };

    const query = new pg.Query<JsonObject>({
      text: question.text,
      values: question.values.map(boundValue),
      types: { getTypeParser: read },
      // Without it a statement with no values could be several.
      queryMode: 'extended',
    } as pg.QueryConfig);
    query.on('row', (row) => {
      if (rows.length === maxRows) stopAt(new TooManyRows());
      if (overflow === undefined) rows.push(row);
    });
    query.on('error', reject);
    query.on('end', ({ rowCount, fields }) => {
      if (overflow !== undefined) return reject(overflow);
      resolve({ rows, columns: fields.map(({ name }) => name), count: rowCount ?? 0 });
    });
    const unwatch = watchAbort(signal, () => reject(signal.reason));
    query.on('error', unwatch).on('end', unwatch);
    client.query(query);
  });
}
