import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { SluiceError } from '../domain/sluice-error.ts';
import { quotePath } from './quote-name.ts';
import type { FileSource } from './source.ts';

/** A regular file held open, and the state it was in when it was opened. */
export interface OpenFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  readonly fingerprint: string;
}

/**
 * Opens a regular file for reading. The caller closes its handle.
 *
 * `realPath` has its links resolved already: one that has turned into a link since is refused. A pipe or
 * device cannot make the call hang. `name` stands for it in words to the caller.
 */
export async function openRegularFile(realPath: string, name = realPath): Promise<OpenFile> {
  // Windows has neither flag; it has no named pipes among its files either.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);
  const handle = await open(realPath, flags).catch((error: NodeJS.ErrnoException) => {
    throw cannotOpen(name, error.code);
  });
  try {
    const state = await handle.stat({ bigint: true });
    if (!state.isFile()) throw new SluiceError('source_invalid', `${quotePath(name)} is not a regular file.`);
    return { handle, sizeBytes: Number(state.size), fingerprint: fingerprintOf(state) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Opens a file of records again. The caller closes its handle.
 *
 * @throws SluiceError `source_changed` or `source_not_found` when it is not the file it was
 */
export async function openUnchanged({ path, upload, fingerprint }: FileSource): Promise<OpenFile> {
  const name = upload?.name ?? path;
  const file = await openRegularFile(path, name);
  if (file.fingerprint === fingerprint) return file;
  await file.handle.close();
  const message = `The file ${quotePath(name)} has changed since the job began, so the rest of its rows cannot be told from the ones already read. Start a new job with it.`;
  throw new SluiceError('source_changed', message);
}

/** Differs once the file has been written to or replaced. */
export async function currentFingerprint(handle: FileHandle): Promise<string> {
  return fingerprintOf(await handle.stat({ bigint: true }));
}

function fingerprintOf({ size, mtimeNs, ino, dev }: BigIntStats): string {
  return `${size}-${mtimeNs}-${ino}-${dev}`;
}

function cannotOpen(path: string, code: string | undefined): SluiceError {
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new SluiceError('source_not_found', `The file ${quotePath(path)} does not exist any more.`);
  }
  return new SluiceError(
    'source_not_allowed',
    `The system does not let Sluice read ${quotePath(path)} (${code}). Check the permissions of the file.`,
  );
}
