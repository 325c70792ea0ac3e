import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes an empty folder that only this user can enter. */
export async function makeFolder(): Promise<string> {
  // As the system itself shows it, without links.
  return mkdtemp(join(await realpath(tmpdir()), 'sluice-program-'));
}

/** Removes a folder and what is in it. Never rejects: the system clears what stays behind. */
export async function removeFolder(folder: string): Promise<void> {
  // A program that was killed a moment ago may still write into it.
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
}

/**
 * The variables a program starts with: none of this process besides PATH. TMPDIR also tells on Linux which
 * processes came from it.
 */
export function plainEnvironment(folder: string): Record<string, string> {
  const path = process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin';
  return { PATH: path, HOME: folder, TMPDIR: folder, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' };
}
