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
