import { isAscii, isUtf8 } from 'node:buffer';

/** How the bytes of a file become text. */
export interface TextEncoding {
  readonly charset: 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';
  /** Bytes of the byte order mark, which is no part of the text. */
  readonly bomBytes: number;
  /** Lines end with a carriage return alone. */
  readonly bareReturns: boolean;
}

const LF = 10;
const CR = 13;

const marks = [
  { charset: 'utf-8', mark: Buffer.from([0xef, 0xbb, 0xbf]) },
  { charset: 'utf-16le', mark: Buffer.from([0xff, 0xfe]) },
  { charset: 'utf-16be', mark: Buffer.from([0xfe, 0xff]) },
] as const;

/** Judges by the beginning of a file, or all of it: by its byte order mark, else by whether it can be UTF-8. */
export function sniffEncoding(head: Buffer, isWhole: boolean): TextEncoding {
  const marked = marks.find(({ mark }) => head.subarray(0, mark.length).equals(mark));
  const isUnicode = marked !== undefined || isMostlyUtf8(isWhole ? head : wholeCharacters(head));
  return {
    charset: marked?.charset ?? (isUnicode ? 'utf-8' : 'windows-1252'),
    bomBytes: marked?.mark.length ?? 0,
    bareReturns: head.includes(CR) && !head.includes(LF),
  };
}

/**
 * Accented letters of windows-1252 hardly ever happen to be UTF-8. So a single line of valid ones shows that
 * the others are damaged UTF-8: to read those as windows-1252 would spoil the good ones.
 */
function isMostlyUtf8(bytes: Buffer): boolean {
  if (isUtf8(bytes)) return true;
  for (const line of byteLines(bytes)) {
    if (isUtf8(line) && !isAscii(line)) return true;
  }
  return false;
}

/** The first line, from 1, that is not valid UTF-8; undefined when all are. */
export function firstLineNotUtf8(bytes: Buffer): number | undefined {
  let number = 0;
  for (const line of byteLines(bytes)) {
    number++;
    if (!isUtf8(line)) return number;
  }
  return undefined;
}

function* byteLines(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(LF, start);
    const line = bytes.subarray(start, end < 0 ? bytes.length : end);
    yield line;
    start += line.length + 1;
  }
}

/** The bytes without a character that the end cuts in two. */
function wholeCharacters(bytes: Buffer): Buffer {
  const isContinuation = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80;
  let end = bytes.length;
  while (end > 0 && bytes.length - end < 3 && isContinuation(bytes[end - 1])) end--;
  const last = bytes[end - 1] ?? 0;
  return last >= 0xc0 ? bytes.subarray(0, end - 1) : bytes;
}

/**
 * Turns blocks of a file, its byte order mark left out, into blocks of UTF-8 with lines that end in LF.
 *
 * What is not valid text in the file is not valid UTF-8 in the result, at the same place.
 */
export async function* toUtf8(blocks: AsyncIterable<Buffer>, encoding: TextEncoding): AsyncGenerator<Buffer> {
  if (encoding.charset === 'utf-8') {
    for await (const block of blocks) yield withLineFeeds(block, encoding);
    return;
  }

  // Streaming also keeps Node's decoder off a fast path that reads windows-1252 as Latin-1.
  const decoder = new TextDecoder(encoding.charset);
  for await (const block of blocks) {
    yield withLineFeeds(encodeUtf8(decoder.decode(block, { stream: true })), encoding);
  }
  yield withLineFeeds(encodeUtf8(decoder.decode()), encoding);
}

const replacement = Buffer.from('\ufffd');
const neverInUtf8 = 0xff;

function encodeUtf8(text: string): Buffer {
  const bytes = Buffer.from(text);
  for (let at = bytes.indexOf(replacement); at >= 0; at = bytes.indexOf(replacement, at + 1)) {
    bytes[at] = neverInUtf8;
  }
  return bytes;
}

function withLineFeeds(bytes: Buffer, { bareReturns }: TextEncoding): Buffer {
  if (!bareReturns) return bytes;
  for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) bytes[at] = LF;
  return bytes;
}

/** The beginning of a file as text, for a look at it: a character cut off at its end is garbled. */
export function decodeHead(head: Buffer, encoding: TextEncoding): string {
  const text = new TextDecoder(encoding.charset).decode(head.subarray(encoding.bomBytes), { stream: true });
  return encoding.bareReturns ? text.replaceAll('\r', '\n') : text;
}
