import { setFlagsFromString } from 'node:v8';

/** V8 copies what is repeated, and takes no more copies than these of one part. */
const mostCopies = 16;
const mostRepeats = 1000;

/** A part that stands for one character, how often it may come, and whether as seldom as can be. */
const repeatedPart =
  /(\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]|[^\\[()|^$])(?:\{(\d{1,4})(?:(,)(\d{0,4}))?\}(\??))?/gi;

/**
 * A pattern that takes time in proportion to the text alone, whatever text it is given: V8's automaton instead
 * of its backtracking.
 *
 * @throws SyntaxError when the text is no pattern, or needs to go back: look-arounds and back references do
 */
export function linearPattern(text: string, flags: '' | 'g' = ''): RegExp {
  if (/\\[pP]\{|\\u\{/.test(text)) throw new SyntaxError('Unicode classes are not available');
  setFlagsFromString('--enable-experimental-regexp-engine');
  return new RegExp(text.replace(repeatedPart, inShortRepeats), `${flags}l`);
}

/** What is wrong with a pattern that stands in a flow; undefined: nothing. */
export function patternTrouble(
  text: string,
): { readonly message: string; readonly suggestion?: string } | undefined {
  if (text.length > 500) return { message: 'is a pattern of more than 500 characters' };
  try {
    linearPattern(text);
    return undefined;
  } catch {
    const message = 'is no pattern, or one that a text could keep busy for ever';
    return {
      message,
      suggestion:
        'look-arounds, back references, \\p{…} and repeats of more than 16 groups are not available',
    };
  }
}

/** `a{20}` as `a{16}a{4}`, `a{2,}` as `a{2}a*`, `a{1,20}?` as `a{1}?a{0,16}?a{0,3}?`. */
function inShortRepeats(
  whole: string,
  part: string,
  least?: string,
  comma?: string,
  most?: string,
  lazy = '',
): string {
  if (least === undefined) return whole;
  const from = Number(least);
  const isEndless = comma !== undefined && most === '';
  const to = most === undefined || most === '' ? from : Number(most);
  // What may go on without end is one more copy.
  const copies = Math.max(from, to) + (isEndless ? 1 : 0);
  if (copies <= mostCopies || Math.max(from, to) > mostRepeats || to < from) return whole;
  const repeats = [
    ...pieces(from).map((count) => `{${count}}`),
    ...pieces(to - from).map((count) => `{0,${count}}`),
    ...(isEndless ? ['*'] : []),
  ];
  return repeats.map((repeat) => part + repeat + lazy).join('');
}

function pieces(count: number): number[] {
  const full = Array.from({ length: Math.floor(count / mostCopies) }, () => mostCopies);
  return count % mostCopies === 0 ? full : [...full, count % mostCopies];
}
