import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { v7 as uuidv7 } from 'uuid';
import { SluiceError } from '../domain/sluice-error.ts';
import { visibleText } from '../domain/visible-text.ts';
import type { Database } from '../store/database.ts';
import { addUpload, type Upload, uploadedBytes } from '../store/uploads.ts';
import type { Limits, OperationContext } from './context.ts';
import { sameUpload } from './same-upload.ts';

const nameAtMost = 200;

/** A file on its way in. */
export interface IncomingFile {
  /** What it is called from now on. */
  readonly name: string;
  readonly content: AsyncIterable<Uint8Array>;
  /** Of the same bytes under the same name one upload is enough. */
  readonly isKeptOnce?: boolean;
}

export interface SavedUpload extends Omit<Upload, 'createdAt'> {
  /** When its age began, for `dropUpload`; undefined: the same had been kept before, and this is that upload. */
  readonly newSince: string | undefined;
}

/**
 * Keeps a file that is sent over HTTP, or fetched, whole or not at all, to be the source of jobs. Streams: its size
 * costs no memory.
 *
 * @throws SluiceError when it is too large or empty, or there is no room for it or none left for its owner; whatever
 * reading it throws
 */
export async function saveUpload(
  context: OperationContext,
  { name, content, isKeptOnce = false }: IncomingFile,
): Promise<SavedUpload> {
  const { uploadsFolder: folder, limits, signal } = context;
  const { db } = await context.open();
  const id = uuidv7();
  const draft = join(folder, `${id}.part`);
  try {
    const room = await roomOf(db, limits);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const counted = countBytes(content, room);
    // Open before anything can break: a stream that opens it by itself may do so after the file was deleted.
    const file = await open(draft, 'wx', 0o600);
    await pipeline(counted.content, file.createWriteStream({ flush: true }), { signal });
    if (counted.bytes() === 0) throw refused('invalid_input', 'The upload is empty.');
    const upload = { id, name, file: id, bytes: counted.bytes() };
    const same = isKeptOnce ? await sameUpload(db, folder, draft, upload) : undefined;
    if (same !== undefined) {
      await rm(draft, { force: true });
      return { ...same, newSince: undefined };
    }
    await rename(draft, join(folder, id));
    const newSince = await addUpload(db, upload, room.quota);
    if (newSince !== undefined) return { ...upload, newSince };
    await rm(join(folder, id), { force: true });
    throw quotaExceeded(limits.uploadQuotaBytes);
  } catch (error) {
    // A file whose row was written after all is never without it: then this id is not known to anybody.
    await rm(draft, { force: true }).catch(() => {});
    throw notKept(error);
  }
}

interface Room {
  readonly bytes: number;
  /** Of the owner, for all uploads together; undefined: there is none. */
  readonly quota: number | undefined;
  readonly refusal: SluiceError;
}

/** What one more file may have. */
async function roomOf(db: Database, { maxUploadBytes, uploadQuotaBytes: quota }: Limits): Promise<Room> {
  const tooLarge = { bytes: maxUploadBytes, refusal: uploadTooLarge(maxUploadBytes) };
  if (typeof db.owner !== 'string') return { ...tooLarge, quota: undefined };
  const left = quota - (await uploadedBytes(db));
  if (left <= 0) throw quotaExceeded(quota);
  return left >= maxUploadBytes
    ? { ...tooLarge, quota }
    : { bytes: left, refusal: quotaExceeded(quota), quota };
}

function countBytes(content: AsyncIterable<Uint8Array>, { bytes: atMost, refusal }: Room) {
  let bytes = 0;
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const piece of content) {
      bytes += piece.length;
      if (bytes > atMost) throw refusal;
      yield piece;
    }
  }
  return { content: pieces(), bytes: () => bytes };
}

export const uploadTooLarge = (atMost: number) =>
  refused(
    'upload_too_large',
    `A file that is sent or fetched has ${atMost} bytes at most (SLUICE_MAX_UPLOAD_BYTES).`,
  );

const quotaExceeded = (quota: number) =>
  refused(
    'upload_quota_exceeded',
    `All uploads of an owner have ${quota} bytes together at most (SLUICE_UPLOAD_QUOTA_BYTES). DELETE /api/v1/uploads/ID makes room.`,
  );

/** What a sender calls a file: only the last part of a path, and nothing that a reader would not see. */
export function plainName(name: string): string {
  const last = visibleText(name).split(/[/\\]/).at(-1)?.trim() ?? '';
  return last === '' ? 'upload' : last.replaceAll('\n', ' ').slice(0, nameAtMost).toWellFormed();
}

/** What keeps a file from being written is for the operator to mend; anything else is passed on. */
function notKept(error: unknown): unknown {
  const { syscall, code } = error as NodeJS.ErrnoException;
  if (syscall === undefined || error instanceof SluiceError) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return refused('storage_full', 'The server has no room for the file.', error);
  return refused('storage_full', `The server cannot keep files (${code}). Tell its operator.`, error);
}

const refused = (
  code: 'invalid_input' | 'upload_too_large' | 'upload_quota_exceeded' | 'storage_full',
  message: string,
  cause?: unknown,
) => new SluiceError(code, `${message} Nothing was kept.`, { cause });
