import { nearest } from '../domain/nearest.ts';

/** Names the candidate that looks like a slip of the keyboard away, else lists them all. */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  const known = [...candidates];
  const close = nearest(name, known);
  if (close !== undefined) return `did you mean "${close}"?`;
  return known.length === 0 ? undefined : `known here: ${known.join(', ')}`;
}
