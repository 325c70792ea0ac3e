import { tokensOf } from './answer-size.ts';

/** What a page of an answer that has little else in it may cost. */
const pageTokens = 1300;

/** As many items as cost at most so many tokens, from the first on; at least one. */
export function fitPage<T>(items: readonly T[], tokens = pageTokens): T[] {
  let left = tokens;
  const end = items.findIndex((item, at) => {
    left -= tokensOf(item) + 1;
    return at > 0 && left < 0;
  });
  return items.slice(0, end === -1 ? items.length : end);
}
