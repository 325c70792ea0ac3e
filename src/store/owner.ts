import type { Database, Fragment, Sql } from './database.ts';

/** Condition on a row of `batch_jobs` under the name `job`: that this owner may see it. */
export const ownedBy = (sql: Sql, owner: Database['owner']): Fragment =>
  owner === undefined ? sql`true` : sql`job.owner is not distinct from ${owner}::text`;
