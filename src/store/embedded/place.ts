import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { canEnter, type OsUser, serverUser } from './os-user.ts';

/** Where the files of one home's server lie. */
export interface Place {
  readonly base: string;
  readonly dataDirectory: string;
  readonly logFile: string;
}

/** Names the base of a server that could not live in the home. */
const locationFile = 'postgres.location';

/** Where the server of a home is or would be; makes nothing. */
export function findPlace(home: string): Place {
  return placeAt(recordedBase(home) ?? join(existsSync(home) ? realpathSync(home) : home, 'postgres'));
}

/**
 * As `findPlace`, after making the folders.
 *
 * Under root the server is another user, who cannot reach a home that only root may enter. Its base
 * is then a folder of `systemFolder`, and the home keeps a note of that.
 */
export function makePlace(home: string, systemFolder: string): Place {
  mkdirSync(dirname(home), { recursive: true });
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const base = recordedBase(home) ?? chooseBase(realpathSync(home), systemFolder);
  mkdirSync(base, { recursive: true, mode: 0o700 });
  const user = serverUser(join(base, 'data'));
  if (user) letPass(base, user);
  return placeAt(realpathSync(base));
}

function placeAt(base: string): Place {
  return { base, dataDirectory: join(base, 'data'), logFile: join(base, 'postgres.log') };
}

function chooseBase(home: string, systemFolder: string): string {
  const base = join(home, 'postgres');
  const user = serverUser(join(base, 'data'));
  if (user === undefined) return base;

  // A home that holds other things may be any folder of root's; an empty one was made for this.
  const inUse = existsSync(join(base, 'data'));
  if ((inUse || readdirSync(home).length === 0) && canEnter(dirname(home), user)) letPass(home, user);
  // Asked after the folder was looked into: another process that starts may have opened it meanwhile.
  if (inUse || canEnter(home, user)) return base;

  const outside = join(systemFolder, createHash('sha256').update(home).digest('hex').slice(0, 16));
  mkdirSync(systemFolder, { recursive: true });
  // The umask of the process may have closed it.
  if (!canEnter(systemFolder, user)) chmodSync(systemFolder, 0o711);
  writeFileSync(join(home, locationFile), `${outside}\n`, { mode: 0o600 });
  return outside;
}

/** Lets the server's user through a folder of root's, and nobody else. */
function letPass(folder: string, user: OsUser): void {
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== 0 || canEnter(folder, user)) return;
  chownSync(folder, 0, user.gid);
  chmodSync(folder, 0o710);
}

function recordedBase(home: string): string | undefined {
  try {
    // Empty for a moment while another process writes it; what that one writes is what we would choose.
    return readFileSync(join(home, locationFile), 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
