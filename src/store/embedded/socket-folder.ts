import { createHash } from 'node:crypto';
import { lchownSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { otherOwner, systemCode } from './embedded-failure.ts';
import type { OsUser } from './os-user.ts';
import type { Place } from './place.ts';

/** The shortest of the systems' limits on a socket's path is 104 bytes with its final zero. */
const longestSocketPath = 103;
const socketName = '/.s.PGSQL.5432';

/**
 * Makes the folder of the server's socket: beside the data, or, where that path is too long for a
 * socket, a short one under the system's folder for temporary files.
 *
 * @throws SluiceError when somebody else holds that folder.
 */
export function makeSocketFolder(place: Place, user: OsUser | undefined): string {
  const folder = [join(place.base, 'socket'), shortFolder(tmpdir(), place)].find(fitsSocket);
  const chosen = folder ?? shortFolder('/tmp', place);
  try {
    mkdirSync(chosen, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  // Root's own: just made, here or by another process that is about to do the same.
  if (user && lstatSync(chosen).uid === 0) lchownSync(chosen, user.uid, user.gid);
  assertPrivate(chosen, user?.uid ?? process.geteuid?.());
  return chosen;
}

function shortFolder(parent: string, place: Place): string {
  return join(parent, `sluice-${createHash('sha256').update(place.base).digest('hex').slice(0, 16)}`);
}

function fitsSocket(folder: string): boolean {
  return Buffer.byteLength(folder + socketName) <= longestSocketPath;
}

/**
 * Refuses a folder that others may enter or that is not the server's: whoever holds the folder of
 * the socket can pose as the server.
 */
export function assertPrivate(folder: string, uid: number | undefined): void {
  const found = lstatSync(folder);
  if (!found.isDirectory() || (found.mode & 0o077) !== 0 || found.uid !== uid) throw otherOwner(folder);
}
