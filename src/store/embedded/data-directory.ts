import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chown, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { didNotStart, otherMajor } from './embedded-failure.ts';
import type { OsUser } from './os-user.ts';
import type { Place } from './place.ts';
import { runTool, type ToolOptions } from './run-tool.ts';

export const role = 'sluice';
export const database = 'sluice';

function dataExists({ dataDirectory }: Place): boolean {
  return existsSync(join(dataDirectory, 'PG_VERSION'));
}

/** The password of the role, asked for on loopback only: 256 random bits. */
export function passwordOf(dataDirectory: string): string {
  return readFileSync(join(dataDirectory, passwordFile), 'utf8').trim();
}

const passwordFile = 'sluice.password';

/**
 * Makes the data directory, unless it is there. Safe from several processes: it appears under its
 * name complete, and whoever comes second throws away what it made.
 *
 * @throws SluiceError when it cannot be made, or another major version of Postgres made it.
 */
export async function prepareData(
  place: Place,
  binaries: Binaries,
  user: OsUser | undefined,
  timeoutMs: number,
): Promise<void> {
  if (!dataExists(place)) await createData(place, binaries, { user, cwd: place.base, timeoutMs });

  const major = readFileSync(join(place.dataDirectory, 'PG_VERSION'), 'utf8').trim();
  if (major !== binaries.major) throw otherMajor(place.dataDirectory, major, binaries.major);
}

async function createData(place: Place, binaries: Binaries, options: ToolOptions): Promise<void> {
  await removeAbandoned(place);
  const unfinished = `${place.dataDirectory}.${randomUUID()}`;
  const password = `${unfinished}.password`;
  try {
    await makeOwned(unfinished, password, options.user);
    await initialise(unfinished, password, binaries, options);
    await rename(password, join(unfinished, passwordFile));
    await rename(unfinished, place.dataDirectory);
    await flushNames(place.base);
  } catch (error) {
    if (!dataExists(place)) throw error;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
    await rm(password, { force: true });
  }
}

async function makeOwned(directory: string, password: string, user: OsUser | undefined): Promise<void> {
  await mkdir(directory, { mode: 0o700 });
  await writeFile(password, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' });
  if (user === undefined) return;
  await chown(directory, user.uid, user.gid);
  await chown(password, user.uid, user.gid);
}

async function initialise(directory: string, password: string, binaries: Binaries, options: ToolOptions) {
  // Trust on the socket: who may enter its folder is the server's user, who could read the data files
  // as well, or root.
  const access = ['--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${password}`];
  const language = ['--encoding=UTF8', '--locale=C', '--lc-messages=C'];
  const initdb = await runTool(
    binaries.initdb,
    ['-D', directory, '-U', role, '--data-checksums', '--no-instructions', ...language, ...access],
    options,
  );
  if (!initdb.succeeded) throw didNotStart('make its data directory', initdb.output);

  const single = await runTool(
    binaries.postgres,
    ['--single', '-D', directory, '-c', 'exit_on_error=on', 'postgres'],
    { ...options, input: `CREATE DATABASE ${database}\n` },
  );
  if (!single.succeeded) throw didNotStart('make its database', single.output);
}

/** What a process that was killed on the way left behind. */
async function removeAbandoned(place: Place): Promise<void> {
  const anHourAgo = Date.now() - 3_600_000;
  const prefix = `${basename(place.dataDirectory)}.`;
  for (const name of await readdir(place.base)) {
    const path = join(place.base, name);
    if (!name.startsWith(prefix)) continue;
    const age = await stat(path).catch(() => undefined);
    if (age && age.mtimeMs < anHourAgo) await rm(path, { recursive: true, force: true });
  }
}

/** A rename survives a power cut only after the folder that holds the name was written. */
async function flushNames(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder);
  await handle.sync().finally(() => handle.close());
}
