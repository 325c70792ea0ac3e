import { nearest } from '../domain/nearest.ts';

/** Names the candidate that was probably meant, a slip or an abbreviation away, else lists them all. */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  const known = [...new Set(candidates)];
  const close = meantBy(name, known);
  if (close !== undefined) return `did you mean "${close}"?`;
  return known.length === 0 ? undefined : `known here: ${known.join(', ')}`;
}

/** The candidate that was probably meant, if there is one. */
export function meantBy(name: string, candidates: readonly string[]): string | undefined {
  const longer = name.length >= 3 ? candidates.find((candidate) => candidate.startsWith(name)) : undefined;
  return longer ?? nearest(name, candidates);
}
