import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Database } from '../store/database.ts';
import { findNamedUploads, renewUpload, type Upload } from '../store/uploads.ts';

/**
 * An upload with the name and the bytes of a draft, kept from now on as long as a new one; undefined: there is
 * none. So the same file that is fetched again is seen to be the same rows.
 */
export async function sameUpload(
  db: Database,
  folder: string,
  draft: string,
  { name, bytes }: Pick<Upload, 'name' | 'bytes'>,
): Promise<Upload | undefined> {
  const candidates = await findNamedUploads(db, name, bytes);
  if (candidates.length === 0) return undefined;
  const own = await digestOf(draft);
  // URLs that differ in their query have one name, so the newest may be another file of the same size.
  for (const known of candidates) {
    // Its file may have been deleted meanwhile.
    const other = await digestOf(join(folder, known.file)).catch(() => '');
    if (own === other && (await renewUpload(db, known.id))) return known;
  }
  return undefined;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
