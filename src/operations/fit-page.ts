import { tokensOf } from './answer-size.ts';

/** What a page of an answer that has little else in it may cost. */
export const pageTokens = 1300;

/** A page without a limit ends before it has more characters of JSON than this. */
const charactersAtMost = 8 * 1024 * 1024;

/** As many items as cost at most so many tokens, from the first on; at least one. */
export function fitPage<T>(items: readonly T[], tokens = pageTokens): T[] {
  const isLimited = Number.isFinite(tokens);
  let left = isLimited ? tokens : charactersAtMost;
  const end = items.findIndex((item, at) => {
    left -= 1 + (isLimited ? tokensOf(item) : JSON.stringify(item).length);
    return at > 0 && left < 0;
  });
  return items.slice(0, end === -1 ? items.length : end);
}
