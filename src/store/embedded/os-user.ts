import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { noServerUser } from './embedded-failure.ts';

export interface OsUser {
  readonly uid: number;
  readonly gid: number;
}

/** True for the one user that Postgres refuses to run as. */
const isRoot = (): boolean => process.geteuid?.() === 0;

/**
 * Whom the server of a data directory runs as; undefined: as whoever this process is.
 *
 * @throws SluiceError when this process is root and no other user is there.
 */
export function serverUser(dataDirectory: string): OsUser | undefined {
  if (!isRoot()) return undefined;
  const owner = statSync(dataDirectory, { throwIfNoEntry: false });
  return owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : unprivilegedUser();
}

/**
 * A user of its own comes first, if somebody made one. `postgres` is meant for this work, while
 * `nobody` is shared by whatever else was told to have no rights, so it comes last.
 */
const candidates = ['sluice', 'postgres', '_postgres', 'nobody'];

function unprivilegedUser(): OsUser {
  const entries = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of candidates) {
    const entry = entries.find(([entryName]) => entryName === name);
    const [uid, gid] = [Number(entry?.[2]), Number(entry?.[3])];
    if (uid > 0 && gid >= 0) return { uid, gid };
  }
  throw noServerUser();
}

/**
 * Whether `user` can pass through a folder and all above it; of one that is not there yet, through
 * those above it that are.
 */
export function canEnter(folder: string, user: OsUser): boolean {
  if (!existsSync(folder)) return canEnter(dirname(folder), user);
  for (let at = realpathSync(folder); ; at = dirname(at)) {
    if (!may(at, user, 0o1)) return false;
    if (at === dirname(at)) return true;
  }
}

export function canRead(path: string, user: OsUser): boolean {
  return canEnter(dirname(path), user) && may(realpathSync(path), user, 0o4);
}

function may(path: string, user: OsUser, bit: number): boolean {
  const { mode, uid, gid } = statSync(path);
  if (uid === user.uid) return (mode & (bit << 6)) !== 0;
  if (gid === user.gid) return (mode & (bit << 3)) !== 0;
  return (mode & bit) !== 0;
}
