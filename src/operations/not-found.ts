import { z } from 'zod';
import type { Database } from '../store/database.ts';
import { findMissing } from '../store/retry-candidates.ts';
import type { NamedAmong } from '../store/retry-selection.ts';
import { cutTo } from './answer-size.ts';

/** What was named and is not there, by the name of the parameter. */
export type NotFound = Readonly<Record<string, string[]>>;

export const notFoundOutput = { not_found: z.record(z.string(), z.array(z.string())).optional() };

/** Names of one kind told at once, and what each may cost. */
const namesTold = 10;
const nameTokens = 20;

/** What a selection names and no record of these statuses has. */
export async function notFoundIn(db: Database, batchJobId: string, named: NamedAmong): Promise<NotFound> {
  const { groupIds, indexes, ids } = await findMissing(db, batchJobId, named);
  return {
    ...(groupIds === undefined ? {} : { group_ids: told(groupIds) }),
    ...(indexes === undefined ? {} : { indexes: told(indexes) }),
    ...(ids === undefined ? {} : { ids: told(ids) }),
  };
}

/** As many names as an answer has room for. */
export function told(names: readonly string[]): string[] {
  const shown = names.slice(0, namesTold).map((name) => cutTo(name, nameTokens));
  return names.length <= namesTold ? shown : [...shown, `and ${names.length - namesTold} more`];
}

export const notFoundFields = (notFound: NotFound) =>
  Object.keys(notFound).length === 0 ? {} : { not_found: notFound };
