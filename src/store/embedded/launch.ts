import { spawn } from 'node:child_process';
import { closeSync, constants, lstatSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { cannotExecute } from './embedded-failure.ts';
import type { OsUser } from './os-user.ts';
import type { Place } from './place.ts';
import { plainEnvironment } from './run-tool.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;

/** A server that was started and has not been seen to answer yet. */
export interface Launch {
  /**
   * How it ended, if it has: `locked` when another server holds the data directory or is about to let
   * go of it, else what it said.
   *
   * @throws SluiceError when its program cannot be run at all.
   */
  outcome(): 'running' | 'locked' | { readonly log: string };
}

/**
 * Starts a server that outlives this process and all its signals. It listens in `socketFolder`, or on
 * a free port of the loopback interface when there is none.
 */
export async function launch(
  postgres: string,
  place: Place,
  user: OsUser | undefined,
  socketFolder: string | undefined,
): Promise<Launch> {
  const listening = socketFolder === undefined ? await onLoopback() : inFolder(socketFolder);
  // Opened here, since the server's user may not be allowed to; never through a link of somebody else's.
  const log = openSync(place.logFile, O_WRONLY | O_APPEND | O_CREAT | (O_NOFOLLOW ?? 0), 0o600);
  const start = statSync(place.logFile).size;
  const server = spawn(postgres, ['-D', place.dataDirectory, ...asFlags({ ...settings, ...listening })], {
    cwd: place.base,
    env: plainEnvironment(),
    detached: true,
    windowsHide: true,
    stdio: ['ignore', log, log],
    ...user,
  });
  closeSync(log);
  server.unref();

  let failure: Error | undefined;
  server.on('error', (error) => {
    failure = cannotExecute(postgres, error);
  });
  return {
    outcome() {
      if (failure) throw failure;
      if (server.exitCode === null && server.signalCode === null) return 'running';
      const said = readFileSync(place.logFile).subarray(start).toString('utf8');
      return said.includes(`[${server.pid}] ${lockFileExists}`) ? 'locked' : { log: said };
    },
  };
}

/** The SQLSTATE of a server that finds a lock or shared memory in use. */
const lockFileExists = 'F0001';

/** fsync, synchronous_commit and autovacuum stay as Postgres has them: on. */
const settings = {
  shared_buffers: '64MB',
  // Each process takes a handful: a dozen chat windows, each with its server, find room.
  max_connections: '200',
  max_wal_size: '1GB',
  // A commit is written and flushed by one call instead of two; elsewhere than on Linux that is the default.
  wal_sync_method: 'open_datasync',
  jit: 'off',
  // Parallel workers share memory in /dev/shm, which is tiny in many containers.
  max_parallel_workers_per_gather: '0',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  // Starts, stops and crashes. Failed statements hold records, which have no place in a log.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
  // The SQLSTATE is what tells one failed start from another.
  log_line_prefix: '%m [%p] %e ',
};

function inFolder(folder: string) {
  return {
    listen_addresses: '',
    // A list, in which a name with a comma needs quotes.
    unix_socket_directories: `"${folder.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    port: '5432',
  };
}

async function onLoopback() {
  return { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: String(await freePort()) };
}

/** Free a moment ago; when somebody was faster the start fails and is repeated. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function asFlags(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

const longestLog = 1024 * 1024;

/** Empties a log that has grown long; the server goes on writing to it from the start. */
export function boundLog(file: string): void {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found?.isFile() && found.size > longestLog) truncateSync(file);
}
