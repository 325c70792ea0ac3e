import { notUtf8Row, tooLargeRow } from './bad-row.ts';
import { jsonRow } from './json-row.ts';
import { type Line, splitLines } from './lines.ts';
import { dropFirst } from './row-batches.ts';
import type { SourceRow } from './source.ts';

/** Rows of newline-delimited JSON: one object a line, blank lines left out. */
export async function* readNdjson(
  blocks: AsyncIterable<Buffer>,
  options: { readonly skipRows: number; readonly maxRecordBytes: number },
): AsyncGenerator<SourceRow[]> {
  const filled = withoutBlank(splitLines(blocks, options.maxRecordBytes));
  for await (const lines of dropFirst(filled, options.skipRows)) {
    yield lines.map((line) => rowOf(line, options.maxRecordBytes));
  }
}

async function* withoutBlank(batches: AsyncIterable<Line[]>): AsyncGenerator<Line[]> {
  // Of a line that is too large only the beginning is known.
  const isFilled = ({ text, flaw }: Line) => flaw?.kind === 'too_large' || text.trim() !== '';
  for await (const lines of batches) yield lines.filter(isFilled);
}

function rowOf({ number, text, flaw }: Line, maxBytes: number): SourceRow {
  if (flaw === undefined) return jsonRow(text, number);
  return flaw.kind === 'not_utf8'
    ? notUtf8Row(number, text)
    : tooLargeRow({ line: number, bytes: flaw.bytes, maxBytes, text });
}
