import type { FileHandle } from 'node:fs/promises';
import { currentFingerprint, type OpenFile } from './regular-file.ts';

/** The bytes of an open file cannot be had; the message says why. */
export class FileUnreadable extends Error {
  override readonly name = 'FileUnreadable';
}

const blockBytes = 128 * 1024;
const headBytes = 1024 * 1024;

/** The beginning of the file: enough to tell what it is. */
export async function readHead({ handle, sizeBytes }: OpenFile): Promise<Buffer> {
  return readAt(handle, 0, Math.min(sizeBytes, headBytes));
}

/**
 * The bytes of the file from `start` to the end it had when it was opened, block after block.
 *
 * @throws FileUnreadable, when the file is changed before any byte of its new content is handed out
 */
export async function* readBlocks(
  file: OpenFile,
  start: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  for (let at = start; at < file.sizeBytes; ) {
    signal?.throwIfAborted();
    const block = await readAt(file.handle, at, Math.min(blockBytes, file.sizeBytes - at));
    if (block.length === 0 || (await currentFingerprint(file.handle)) !== file.fingerprint) {
      throw new FileUnreadable('it was changed while it was read');
    }
    at += block.length;
    yield block;
  }
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const reading = handle.read(Buffer.allocUnsafe(length), 0, length, position);
  const { buffer, bytesRead } = await reading.catch((error: NodeJS.ErrnoException) => {
    throw new FileUnreadable(`the system answered ${error.code}`, { cause: error });
  });
  return buffer.subarray(0, bytesRead);
}
