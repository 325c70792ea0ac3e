import { randomUUID } from 'node:crypto';
import { constants, copyFile, link, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The permissions a file gets. */
export interface Mode {
  /** Of a file that is not there yet. */
  readonly fresh: number;
  /** A file that is there gets the same, instead of keeping its own. */
  readonly always?: boolean;
}

/**
 * Replaces a file as a whole, or makes it: readers see the old text or the new one, never a part. A symbolic
 * link at `path` is replaced itself.
 */
export async function replaceFile(path: string, text: string, { fresh, always }: Mode): Promise<void> {
  const mode = always === true ? fresh : await modeOf(path, fresh);
  await throughDraft(path, text, mode, (draft) => rename(draft, path));
}

/** Makes a file as a whole; false: something of that name is there, and stays as it is. */
export async function makeFile(path: string, text: string, { fresh }: Mode): Promise<boolean> {
  try {
    // A link is refused where a name is taken, also by one that only differs in its case.
    await throughDraft(path, text, fresh, (draft) => linkOrCopy(draft, path));
    return true;
  } catch (error) {
    if (fileTrouble(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The file behind a symbolic link that a person may have put in its place. */
export async function behindLink(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

async function throughDraft(
  path: string,
  text: string,
  mode: number,
  put: (draft: string) => Promise<void>,
): Promise<void> {
  const draft = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    const file = await open(draft, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await put(draft);
  } finally {
    await rm(draft, { force: true });
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    // Some file systems have no links.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV'].includes(fileTrouble(error))) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
}

async function modeOf(path: string, otherwise: number): Promise<number> {
  return stat(path).then(
    ({ mode }) => mode & 0o777,
    () => otherwise,
  );
}

/** `ENOENT`, `EACCES`, … */
export function fileTrouble(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}
