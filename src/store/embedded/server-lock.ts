import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { processRuns } from './process-identity.ts';

/**
 * What Postgres writes into `postmaster.pid`; the lock file beside its socket begins with the same
 * lines. https://www.postgresql.org/docs/18/storage-file-layout.html
 */
export interface ServerLock {
  readonly pid: number;
  readonly dataDirectory: string;
  readonly port: number;
  /** '' when it listens on none. */
  readonly socketFolder: string;
  readonly status: 'starting' | 'ready' | 'stopping';
}

/** The lock of a data directory; undefined when there is none, or nothing sensible in it yet. */
export async function readLock(dataDirectory: string): Promise<ServerLock | undefined> {
  const text = await readFile(lockFile(dataDirectory), 'utf8').catch(() => '');
  return parseLock(text);
}

export function parseLock(text: string): ServerLock | undefined {
  const [pid, dataDirectory, , port, socketFolder, , , status = ''] = text.split('\n');
  if (!Number(pid) || !dataDirectory) return undefined;
  const word = status.trim();
  return {
    // Negative for a server in single-user mode.
    pid: Math.abs(Number(pid)),
    dataDirectory,
    port: Number(port),
    socketFolder: socketFolder ?? '',
    status: word === 'ready' || word === 'stopping' ? word : 'starting',
  };
}

/** Whether the process that wrote a lock is there, and still is that server. */
export function isHeld(lock: ServerLock): Promise<boolean> {
  return processRuns(lock.pid, lock.dataDirectory);
}

/**
 * Removes the locks of a server that is gone where Postgres itself would not: when its pid belongs to
 * another process by now (as after the restart of a container), or when a power cut left the file empty.
 *
 * Two servers in one data directory stay impossible: Postgres also refuses while any process is
 * attached to the directory's shared memory.
 */
export async function removeStaleLocks(
  dataDirectory: string,
  socketFolder: string | undefined,
): Promise<void> {
  await removeIfStale(lockFile(dataDirectory));
  if (socketFolder !== undefined) await removeIfStale(join(socketFolder, '.s.PGSQL.5432.lock'));
}

async function removeIfStale(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const lock = parseLock(text);
  if (lock ? await isHeld(lock) : await isFresh(file)) return;

  // Between reading and removing another process may have started a server: what was moved aside must
  // be what was judged, or it goes back.
  const aside = `${file}.${randomUUID()}`;
  const moved = await rename(file, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  if ((await readFile(aside, 'utf8')) !== text) await link(aside, file).catch(() => {});
  await rm(aside);
}

/** A server writes its lock at once after making it. */
async function isFresh(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs < 2000;
}

const lockFile = (dataDirectory: string) => join(dataDirectory, 'postmaster.pid');
