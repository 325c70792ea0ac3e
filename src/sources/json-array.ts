import { isUtf8 } from 'node:buffer';
import { SluiceError } from '../domain/sluice-error.ts';
import { notUtf8Row, tooLargeRow } from './bad-row.ts';
import { JsonArrayStart } from './json-array-start.ts';
import { type JsonElement, JsonElements } from './json-elements.ts';
import { isJsonBlank, type JsonNesting } from './json-nesting.ts';
import { jsonRow, parseJson, positionOf } from './json-row.ts';
import { quoteName } from './quote-name.ts';
import { dropFirst } from './row-batches.ts';
import { SourceBroken, type SourceRow } from './source.ts';

export interface JsonArrayOptions {
  /** Names of the members that lead to the array, joined by dots; absent: the document is the array. */
  readonly arrayPath: string | undefined;
  /** Paths of arrays known to be in the document, to be named when the wanted one is not there. */
  readonly knownPaths: () => readonly string[];
  readonly skipRows: number;
  readonly maxRecordBytes: number;
}

/**
 * Rows of an array in a JSON document of any size: one element is parsed at a time.
 *
 * @throws SluiceError `source_invalid` when the array is not where it should be
 * @throws SourceBroken when an element is no JSON, or the document does not end well
 */
export async function* readJsonArray(
  blocks: AsyncIterable<Buffer>,
  options: JsonArrayOptions,
): AsyncGenerator<SourceRow[]> {
  for await (const elements of dropFirst(splitArray(blocks, options), options.skipRows)) {
    const { rows, broken } = rowsOf(elements, options.maxRecordBytes);
    if (rows.length > 0) yield rows;
    if (broken !== undefined) throw broken;
  }
}

async function* splitArray(
  blocks: AsyncIterable<Buffer>,
  options: JsonArrayOptions,
): AsyncGenerator<JsonElement[]> {
  const start = new JsonArrayStart(options.arrayPath);
  const { nesting } = start;
  let array: JsonElements | undefined;
  for await (const block of blocks) {
    const from = array === undefined ? start.findIn(block) : 0;
    if (start.otherFound) throw arrayNotFound(options);
    if (from === undefined) continue;
    array ??= new JsonElements(nesting, options.maxRecordBytes);
    yield array.take(block.subarray(from));
    passOver(array.behind, nesting);
  }
  if (array === undefined && nesting.depth === 0) throw arrayNotFound(options);
  if (nesting.depth > 0) {
    throw new SourceBroken(nesting.line, `The JSON document ends too early, on line ${nesting.line}.`);
  }
}

/** What follows the array must close the document; text behind its end would be rows nobody reads. */
function passOver(bytes: Buffer, nesting: JsonNesting): void {
  for (const byte of bytes) {
    if (nesting.depth <= 0 && !isJsonBlank(byte)) {
      const message = `The JSON document ends on line ${nesting.line}, and other text follows. If each line is a JSON object, give the format ndjson.`;
      throw new SourceBroken(nesting.line, message);
    }
    nesting.take(byte);
  }
}

function rowsOf(
  elements: readonly JsonElement[],
  maxBytes: number,
): { rows: SourceRow[]; broken?: SourceBroken } {
  const rows: SourceRow[] = [];
  for (const element of elements) {
    const row = rowOf(element, maxBytes);
    if (row instanceof SourceBroken) return { rows, broken: row };
    rows.push(row);
  }
  return { rows };
}

function rowOf(
  { line, index, bytes, size, tooLarge }: JsonElement,
  maxBytes: number,
): SourceRow | SourceBroken {
  const text = bytes.toString().trim();
  if (tooLarge) return tooLargeRow({ line, bytes: size, maxBytes, text, element: index });
  if (!isUtf8(bytes)) return notUtf8Row(line, text, index);
  const row = jsonRow(text, line, index);
  return row.kind === 'bad' && row.code === 'invalid_json' ? brokenElement(text, line, index) : row;
}

/** Where one element is no JSON, nobody knows where the next begins. */
function brokenElement(text: string, firstLine: number, index: number): SourceBroken {
  const error = parseJson(text);
  const position = error instanceof SyntaxError ? positionOf(error) : undefined;
  const line = firstLine + (position === undefined ? 0 : text.slice(0, position).split('\n').length - 1);
  const element = `in the element with index ${index}`;
  const where =
    position === undefined ? `${element}, which begins on line ${line}` : `on line ${line}, ${element}`;
  return new SourceBroken(line, `The JSON document has a mistake ${where}.`);
}

function arrayNotFound({ arrayPath, knownPaths }: JsonArrayOptions): SluiceError {
  const what =
    arrayPath === undefined
      ? 'The JSON document is not an array.'
      : `The JSON document has no array at ${quoteName(arrayPath)}.`;
  const known = knownPaths().map(quoteName).join(', ');
  const advice =
    known === ''
      ? 'Records must be the elements of one array.'
      : `Give array_path: the document has arrays at ${known}.`;
  return new SluiceError('source_invalid', `${what} ${advice}`);
}
