import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A large export reads for a while before it writes its first row, in milliseconds. */
const draftMs = 24 * 3_600_000;
/** An export that is being written. */
const draftOfExport = /\.(csv|ndjson|json)\.[0-9a-f-]{36}\.tmp$/;

/** Deletes exports that were never finished, because their process ended first. */
export async function dropLeftDrafts(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const path of names.filter((name) => draftOfExport.test(name)).map((name) => join(folder, name))) {
    if (await isLeft(path, draftMs)) await rm(path, { force: true });
  }
}

/** Written last so long ago that nobody writes it any more. */
export async function isLeft(path: string, ms: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > ms;
}
