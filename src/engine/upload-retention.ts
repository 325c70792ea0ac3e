import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../store/database.ts';
import { knownFiles, removeOldUploads } from '../store/uploads.ts';
import { isLeft } from './left-files.ts';

const hourMs = 3_600_000;

/** Deletes some of the uploads older than `olderThanMs` that no unfinished job reads. Returns how many. */
export async function dropOldUploads(db: Database, folder: string, olderThanMs: number): Promise<number> {
  const files = await removeOldUploads(db, olderThanMs);
  for (const file of files) await rm(join(folder, file), { force: true });
  return files.length;
}

/** Deletes files that belong to no upload, because a process died before it was complete. */
export async function dropStrayUploads(db: Database, folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const old: string[] = [];
  for (const name of names) if (await isLeft(join(folder, name), hourMs)) old.push(name);
  const known = new Set(old.length === 0 ? [] : await knownFiles(db, old));
  for (const name of old) if (!known.has(name)) await rm(join(folder, name), { force: true });
}
