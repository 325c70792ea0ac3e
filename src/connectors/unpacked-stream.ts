import { pipeline, Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { RecordFailure } from '../domain/failure.ts';
import { codeOf } from './connection-trouble.ts';
import { encodingsIn } from './content-encodings.ts';
import { foreignText } from './foreign-text.ts';

const unpackers = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/**
 * Undoes the content encoding of a body while it comes in. `unfit` makes the error for one that is not what its
 * header says.
 */
export async function* unpackedStream(
  content: AsyncIterable<Uint8Array>,
  contentEncoding: string | undefined,
  unfit: (encoding: string) => RecordFailure,
): AsyncGenerator<Uint8Array> {
  const encodings = encodingsIn(contentEncoding);
  if (encodings.length === 0) return yield* content;
  // Files that are packed more than once are not known to exist.
  const encoding = encodings.join(', ');
  const shown = foreignText(encoding, 40) ?? '';
  const unpacker = unpackers.get(encoding);
  if (unpacker === undefined) throw unfit(shown);
  // Whoever reads from the last stream hears of all errors.
  const unpacked = pipeline(Readable.from(content), unpacker(), () => {});
  try {
    yield* unpacked;
  } catch (error) {
    throw /^(Z_|ERR__)/.test(codeOf(error)) ? unfit(shown) : error;
  }
}
