import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { findShipped, makeReady, shippedVersion } from './binaries.ts';
import { database, passwordOf, role } from './data-directory.ts';
import { otherOwner, tookTooLong } from './embedded-failure.ts';
import { findPlace, type Place } from './place.ts';
import { answers, type PostgresAddress } from './probe.ts';
import { runTool } from './run-tool.ts';
import { isHeld, readLock, type ServerLock } from './server-lock.ts';
import { assertPrivate } from './socket-folder.ts';

export type FoundServer =
  | { readonly state: 'running'; readonly lock: ServerLock; readonly address: PostgresAddress }
  | { readonly state: 'starting' | 'stopping' | 'unresponsive'; readonly lock: ServerLock }
  | { readonly state: 'stopped' };

/** Looks at the server of a place without changing anything; a few milliseconds when it runs. */
export async function findServer(place: Place): Promise<FoundServer> {
  const lock = await readLock(place.dataDirectory);
  if (lock === undefined) return { state: 'stopped' };

  if (lock.status === 'ready') {
    const address = addressOf(lock, place);
    if (address && (await answers(address, place.dataDirectory))) return { state: 'running', lock, address };
  }
  if (!(await isHeld(lock))) return { state: 'stopped' };
  return { state: lock.status === 'ready' ? 'unresponsive' : lock.status, lock };
}

/** undefined when the socket's folder is gone. */
function addressOf(lock: ServerLock, place: Place): PostgresAddress | undefined {
  const who = { port: lock.port, user: role, database };
  if (lock.socketFolder === '') {
    return { host: '127.0.0.1', password: passwordOf(place.dataDirectory), ...who };
  }
  if (!statSync(lock.socketFolder, { throwIfNoEntry: false })) return undefined;
  assertPrivate(lock.socketFolder, statSync(place.dataDirectory).uid);
  return { host: lock.socketFolder, ...who };
}

/**
 * Stops the server of a home if one runs: open connections are cut, what was committed is written
 * out. Returns whether one was running.
 *
 * @throws SluiceError when it is not this user's to stop, or takes longer than half a minute.
 */
export async function stopEmbeddedPostgres(home: string): Promise<boolean> {
  const place = findPlace(home);
  const lock = await readLock(place.dataDirectory);
  if (lock === undefined || !(await isHeld(lock))) return false;

  await interrupt(lock, place);
  const deadline = performance.now() + 30_000;
  while (await isHeld(lock)) {
    if (performance.now() > deadline) throw tookTooLong('stopping', place.dataDirectory);
    await sleep(10);
  }
  return true;
}

/** SIGINT is Postgres' word for a fast shutdown. */
async function interrupt(lock: ServerLock, place: Place): Promise<void> {
  if (process.platform === 'win32') {
    // There are no signals on Windows; Postgres listens on a pipe of its own instead.
    const { pgCtl } = await makeReady(findShipped(), place.base, undefined);
    const args = ['kill', 'INT', String(lock.pid)];
    await runTool(pgCtl, args, { user: undefined, cwd: place.base, timeoutMs: 10_000 });
    return;
  }
  try {
    process.kill(lock.pid, 'SIGINT');
  } catch {
    if (await isHeld(lock)) throw otherOwner(place.dataDirectory);
  }
}

export interface EmbeddedState {
  /** `absent`: this home has no database of its own yet. */
  readonly state: 'absent' | FoundServer['state'];
  readonly dataDirectory: string;
  readonly logFile: string;
  /** Of the Postgres that comes with Sluice; undefined when there is none for this system. */
  readonly version: string | undefined;
  /** The major version that made the data. */
  readonly dataVersion: string | undefined;
  /** The OS user the data belongs to and the server runs as. */
  readonly ownerUid: number | undefined;
  readonly pid: number | undefined;
  /** The folder of the socket, or 127.0.0.1. */
  readonly host: string | undefined;
  readonly port: number | undefined;
}

/** What `sluice doctor` tells about the database of a home; starts nothing. */
export async function describeEmbedded(home: string): Promise<EmbeddedState> {
  const place = findPlace(home);
  const version = await readFile(join(place.dataDirectory, 'PG_VERSION'), 'utf8').catch(() => undefined);
  const found = version === undefined ? undefined : await findServer(place);
  const lock = found && 'lock' in found ? found.lock : undefined;
  return {
    state: found?.state ?? 'absent',
    dataDirectory: place.dataDirectory,
    logFile: place.logFile,
    version: shippedVersion(),
    dataVersion: version?.trim(),
    ownerUid: found && statSync(place.dataDirectory).uid,
    pid: lock?.pid,
    host: lock && (lock.socketFolder || '127.0.0.1'),
    port: lock?.port,
  };
}
