import type { Fragment, Sql } from './database.ts';
import { DatabaseFault } from './database-fault.ts';

/** A condition that rolls its whole statement back, by a division by zero, where the given one does not hold. */
export const orRollBack = (sql: Sql, condition: Fragment): Fragment => sql`1 / (${condition})::int = 1`;

/** The statement found that `orRollBack`'s condition does not hold: nothing has happened. */
export const wasRolledBack = (error: unknown): boolean =>
  error instanceof DatabaseFault && error.code === '22012';
