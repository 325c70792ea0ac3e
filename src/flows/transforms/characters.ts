/** A text of one code unit a character, as most are, need not be taken apart. */
const isSimple = (text: string) => !/[\ud800-\udfff]/.test(text);

/** The characters of a text, as the limits of `input` count them: none is ever cut in two. */
export function charactersOf(text: string): readonly string[] {
  return isSimple(text) ? text.split('') : Array.from(text);
}

export function countCharacters(text: string): number {
  return isSimple(text) ? text.length : Array.from(text).length;
}

export function cutCharacters(text: string, start: number, end?: number): string {
  return isSimple(text) ? text.slice(start, end) : Array.from(text).slice(start, end).join('');
}

/** What fills a text up to so many characters. */
export function fillFor(text: string, width: number, fill: string): string {
  const missing = width - countCharacters(text);
  if (missing <= 0 || fill === '') return '';
  return cutCharacters(fill.repeat(Math.ceil(missing / countCharacters(fill))), 0, missing);
}

const pair = /[\ud800-\udbff][\udc00-\udfff]/g;
/** Unicode's private use area. */
const isPrivate = /[\ue000-\uf8ff]/g;
const privateUnits = { first: 0xe000, last: 0xf8ff } as const;
/** Halves of characters, or private ones, as a pattern may name them. */
const namesUnits = /\\u(?:d[89a-f]|e|f[0-8])/i;

/**
 * For a search that knows code units only: the text with private characters in place of those of two units, and the way
 * back for what is made of it and of `inserted`. What a pattern says of single units, or with characters of two, is taken
 * as it is said, and so is a text with thousands of such characters.
 */
export function inUnits(
  text: string,
  pattern: string,
  inserted = '',
): { readonly text: string; readonly back: (made: string) => string } {
  const asItIs = { text, back: (made: string) => made };
  if (isSimple(text) || !isSimple(pattern) || namesUnits.test(pattern)) return asItIs;
  const taken = new Set(`${text}${pattern}${inserted}`.match(isPrivate));
  const units = new Map<string, string>();
  const characters = new Map<string, string>();
  let next: number = privateUnits.first;
  for (const character of new Set(text.match(pair))) {
    while (taken.has(String.fromCharCode(next))) next++;
    if (next > privateUnits.last) return asItIs;
    const unit = String.fromCharCode(next++);
    units.set(character, unit);
    characters.set(unit, character);
  }
  return {
    text: text.replace(pair, (character) => units.get(character) ?? character),
    back: (made) => made.replace(isPrivate, (unit) => characters.get(unit) ?? unit),
  };
}
