import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Database } from '../store/database.ts';
import { findNamedUpload, renewUpload, type Upload } from '../store/uploads.ts';

/**
 * The latest upload with the name and the bytes of a draft, kept from now on as long as a new one; undefined: there is
 * none. So the same file that is fetched again is seen to be the same rows.
 */
export async function sameUpload(
  db: Database,
  folder: string,
  draft: string,
  { name, bytes }: Pick<Upload, 'name' | 'bytes'>,
): Promise<Upload | undefined> {
  const known = await findNamedUpload(db, name, bytes);
  if (known === undefined) return undefined;
  // Its file may have been deleted meanwhile.
  const [own, other] = await Promise.all([
    digestOf(draft),
    digestOf(join(folder, known.file)).catch(() => ''),
  ]);
  return own === other && (await renewUpload(db, known.id)) ? known : undefined;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
