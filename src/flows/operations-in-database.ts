import type { SqlAnswer } from '../connectors/sql.ts';
import { type Failure, RecordFailure } from '../domain/failure.ts';
import type { JsonValue } from '../domain/json.ts';
import type { Share } from '../domain/record.ts';
import { ChunkResult } from './chunk-result.ts';
import type { Attempt, FlowResult } from './flow.ts';
import { offeredIn, operationStep as step } from './offered-operation.ts';
import { type OperationStatement, statementOf, statementProblem } from './operation-statement.ts';

/** Carries out one operation as a transaction of its own, or those of a chunk in one. @throws RecordFailure */
export async function runInDatabase(connector: string, attempt: Attempt): Promise<FlowResult> {
  const { connectors, signal } = attempt;
  const database = connectors.sql(connector);
  if (attempt.indexes === undefined) {
    const { wantsRow, ...statement } = statementFor(connector, attempt, attempt.payload);
    const answer = await database.run({ ...statement, writes: true, step, signal });
    return resultOf(wantsRow, answer);
  }
  const asked = (attempt.payload as readonly JsonValue[]).map((payload) =>
    orFailure(() => statementFor(connector, attempt, payload)),
  );
  const statements = asked.flatMap((each) => ('failure' in each ? [] : [each]));
  const outcomes = (await database.transact({ statements, step, signal })).values();
  const shares = asked.map((statement): Share => {
    if ('failure' in statement) return statement;
    const outcome = outcomes.next().value ?? { failure: unanswered };
    if ('failure' in outcome) return outcome;
    return orFailure(() => ({ result: resultOf(statement.wantsRow, outcome.answer) }));
  });
  return new ChunkResult(shares);
}

function orFailure<T>(make: () => T): T | { readonly failure: Failure } {
  try {
    return make();
  } catch (error) {
    if (error instanceof RecordFailure) return { failure: error.failure };
    throw error;
  }
}

function statementFor(
  connector: string,
  { connectors }: Pick<Attempt, 'connectors'>,
  payload: JsonValue,
): OperationStatement {
  const operation = offeredIn(connector, connectors, payload);
  const problem = statementProblem(operation);
  if (problem !== undefined) throw refused('operation_invalid', `the operation ${problem}`);
  return statementOf(operation);
}

function resultOf(wantsRow: boolean, { rows }: SqlAnswer): JsonValue {
  const [row] = rows;
  if (row === undefined && wantsRow) throw refused('row_not_found', 'there is no row with this id');
  return { status: 200, body: row ?? null };
}

const refused = (code: string, message: string) => new RecordFailure({ class: 'data', code, message, step });
const unanswered: Failure = {
  class: 'bug',
  code: 'unexpected_error',
  message: 'the operation has no answer',
  step,
};
