// Parts of a text that tokenizers treat alike. Words of letters only, then mixtures such as ids and hashes.
const parts =
  /(?<word>[A-Za-z]?[a-z]{1,12}(?![A-Za-z0-9]))|(?<digits>[0-9]{1,9}(?![A-Za-z0-9]))|(?<mixed>[A-Za-z0-9]{1,8})|(?<blank>\s{1,80})|(?<sign>[!-~])|./gsu;

/**
 * Tokens of a text, or of a value as JSON, in the vocabularies of present models: an estimate that is seldom too
 * low, and for random letters and rare scripts not by much.
 */
export function tokensOf(value: unknown): number {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  let tokens = 0;
  for (const match of text.matchAll(parts)) tokens += weightOf(match);
  return Math.ceil(tokens);
}

function weightOf({ 0: part, groups: { word, digits, mixed, blank, sign } = {} }: RegExpExecArray): number {
  if (word !== undefined) return Math.max(1, word.length * 0.3);
  if (digits !== undefined) return Math.ceil(digits.length / 3);
  if (mixed !== undefined) return Math.max(1, mixed.length * 0.65);
  if (blank !== undefined) return 0.1 + blank.length / 50;
  return sign === undefined ? weightOfForeign(part.codePointAt(0) ?? 0) : 0.75;
}

/** Of one character: what has no place in a vocabulary is spelled byte by byte. */
function weightOfForeign(code: number): number {
  if (code >= 0x300 && code <= 0x36f) return 1.3;
  if (code < 0x800) return 1;
  if (code >= 0x3040 && code <= 0x30ff) return 1;
  if (code >= 0x4e00 && code <= 0x9fff) return 1.9;
  if (code >= 0x2010 && code <= 0x2030) return 1;
  return code > 0xffff ? 4 : 2.8;
}

/** Room for so many tokens, or any number of them: a program has no conversation that an answer must fit. */
export const roomFor = ({ isForProgram = false }: { readonly isForProgram?: boolean }, tokens: number) =>
  isForProgram ? Number.POSITIVE_INFINITY : tokens;

/** The beginning of a text that costs at most so many tokens. */
export function cutTo(text: string, tokens: number): string {
  if (!Number.isFinite(tokens)) return text;
  // No token is longer than this many characters on average, so the rest cannot count.
  const beginning = text.slice(0, tokens * 12);
  if (beginning.length === text.length && tokensOf(text) <= tokens) return text;
  let left = tokens - 1;
  let end = 0;
  for (const match of beginning.matchAll(parts)) {
    left -= weightOf(match);
    if (left < 0) break;
    end = match.index + match[0].length;
  }
  return `${text.slice(0, end)}…`;
}
