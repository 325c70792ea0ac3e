import { createHash } from 'node:crypto';
import type { Attempt } from './flow.ts';

/** Stands for the records of a chunk in the key of a call: one about others, or about a part of them, is another call. */
export function membersMark({ indexes, members = indexes?.map(String) }: Attempt): string {
  if (members === undefined) return '';
  return `#${createHash('sha256').update(members.join()).digest('hex').slice(0, 12)}`;
}
