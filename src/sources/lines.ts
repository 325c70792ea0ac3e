import { isUtf8 } from 'node:buffer';
import { CappedBytes, type Gathered } from './capped-bytes.ts';

const LF = 10;

/** A physical line, its line feed left out. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** With a flaw: what could be read, no more than a beginning when too large. */
  readonly text: string;
  readonly flaw?: LineFlaw;
}

export type LineFlaw =
  | { readonly kind: 'not_utf8' }
  | { readonly kind: 'too_large'; readonly bytes: number; readonly oddQuotes: boolean };

/** The lines of UTF-8 text, about as many at a time as a block has. A line over `maxBytes` is never held. */
export async function* splitLines(blocks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Line[]> {
  const open = new CappedBytes(maxBytes);
  let number = 1;
  for await (const block of blocks) {
    const firstEnd = block.indexOf(LF);
    if (firstEnd < 0) {
      open.add(block);
      continue;
    }

    open.add(block.subarray(0, firstEnd));
    const lastEnd = block.lastIndexOf(LF);
    const first = [lineOf(open.take(), number)];
    const lines =
      lastEnd > firstEnd
        ? first.concat(linesOf(block.subarray(firstEnd + 1, lastEnd), number + 1, maxBytes))
        : first;
    open.add(block.subarray(lastEnd + 1));
    number += lines.length;
    yield lines;
  }
  if (open.size > 0) yield [lineOf(open.take(), number)];
}

/** Decodes many lines in one go if it can. */
function linesOf(bytes: Buffer, first: number, maxBytes: number): Line[] {
  // A character of a string is at most three bytes of UTF-8.
  const texts = isUtf8(bytes) ? bytes.toString().split('\n') : [];
  if (texts.length > 0 && texts.every((text) => text.length * 3 <= maxBytes)) {
    return texts.map((text, index) => ({ number: first + index, text }));
  }

  const lines: Line[] = [];
  const gather = new CappedBytes(maxBytes);
  for (let start = 0; start <= bytes.length; ) {
    const end = bytes.indexOf(LF, start);
    const stop = end < 0 ? bytes.length : end;
    gather.add(bytes.subarray(start, stop));
    lines.push(lineOf(gather.take(), first + lines.length));
    start = stop + 1;
  }
  return lines;
}

function lineOf({ bytes, size, tooLarge, oddQuotes }: Gathered, number: number): Line {
  const text = bytes.toString();
  if (tooLarge) return { number, text, flaw: { kind: 'too_large', bytes: size, oddQuotes } };
  return isUtf8(bytes) ? { number, text } : { number, text, flaw: { kind: 'not_utf8' } };
}
