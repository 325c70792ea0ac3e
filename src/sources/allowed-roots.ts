import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { nearest } from '../domain/nearest.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { quoteName, quotePath } from './quote-name.ts';

/** The folders, or single files, that records may be read from. */
export interface AllowedRoots {
  readonly folders: readonly string[];
  /** What `~` stands for. */
  readonly home: string;
  /** What relative paths are relative to; absent: they are refused. */
  readonly base?: string;
  /** No path of this machine is taken at all, and why. */
  readonly refusal?: string;
}

export interface RootOptions {
  /** The user's own folder. */
  readonly home: string;
  readonly exportsFolder: string;
  readonly cwd?: string;
  /** Folders allowed besides the usual ones, such as those the client named. */
  readonly extra?: readonly string[];
  /** The operator's list; it replaces all others. */
  readonly explicit?: readonly string[];
}

export function defaultRoots({ home, exportsFolder, cwd, extra = [], explicit }: RootOptions): AllowedRoots {
  const usual = ['Downloads', 'Documents', 'Desktop'].map((name) => join(home, name));
  const folders = explicit ?? [...usual, exportsFolder, ...(cwd === undefined ? [] : [cwd]), ...extra];
  return { folders: [...new Set(folders)], home, ...(cwd === undefined ? {} : { base: cwd }) };
}

/**
 * The real path of a regular file under one of the roots, all links resolved.
 *
 * A path outside the roots gets the same answer whether or not something is there.
 *
 * @throws SluiceError `source_not_allowed`, `source_not_found` or `source_invalid` (no regular file)
 */
export async function resolveAllowed(path: string, roots: AllowedRoots): Promise<string> {
  const target = await locate(absolute(path, roots));
  const folders = await existing(roots.folders);
  const around = folders.filter((folder) => isInside(target.path, folder));
  if (target.escaped || around.length === 0) throw outside(path, folders, roots);
  if (around.every((folder) => hasHiddenPart(relative(folder, target.path)))) {
    throw notAllowed(`${quotePath(path)} is hidden: names that begin with a dot are never read.`);
  }

  if (target.missing.length > 0) throw await notFound(path, target);
  const found = await stat(target.path);
  if (found.isDirectory()) throw invalid(`${quotePath(path)} is a folder. Name a file in it.`);
  if (!found.isFile()) throw invalid(`${quotePath(path)} is not a regular file.`);
  return target.path;
}

/**
 * The real path of a folder under one of the roots; undefined when there is none.
 *
 * @throws SluiceError `source_not_allowed`
 */
export async function allowedFolder(path: string, roots: AllowedRoots): Promise<string | undefined> {
  const target = await locate(absolute(path, roots));
  const folders = await existing(roots.folders);
  if (target.escaped || !folders.some((folder) => isInside(target.path, folder)))
    throw outside(path, folders, roots);
  const found = target.missing.length > 0 ? undefined : await stat(target.path);
  return found?.isDirectory() ? target.path : undefined;
}

function absolute(path: string, { home, base, refusal }: AllowedRoots): string {
  if (refusal !== undefined) throw notAllowed(refusal);
  if (path.includes('\0')) throw notAllowed('The path has a NUL character in it.');
  const expanded = path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path;
  if (isAbsolute(expanded)) return resolve(expanded);
  if (base === undefined) {
    throw notAllowed(
      `${quotePath(path)} is a relative path. Give an absolute one, or one that begins with ~/.`,
    );
  }
  return resolve(base, expanded);
}

interface Target {
  /** Real path; the part that does not exist is as it was given. */
  readonly path: string;
  /** The names at the end of the path that do not exist. */
  readonly missing: readonly string[];
  /** The path leads through a link to nowhere, so where it would end is unknown. */
  readonly escaped: boolean;
}

/** Follows the links of a path as far as it exists. */
async function locate(path: string): Promise<Target> {
  const missing: string[] = [];
  for (let ancestor = path; ; ancestor = dirname(ancestor)) {
    const real = await realpath(ancestor).catch(() => undefined);
    if (real !== undefined) return { path: join(real, ...missing), missing, escaped: false };
    const itself = await lstat(ancestor).catch(() => undefined);
    if (itself?.isSymbolicLink() || dirname(ancestor) === ancestor) {
      return { path: ancestor, missing, escaped: true };
    }
    missing.unshift(basename(ancestor));
  }
}

async function existing(folders: readonly string[]): Promise<string[]> {
  const real = await Promise.all(folders.map((folder) => realpath(folder).catch(() => undefined)));
  return [...new Set(real.filter((folder) => folder !== undefined))];
}

/** A root may also be a single file. */
function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function hasHiddenPart(path: string): boolean {
  return path.split(sep).some((name) => name.startsWith('.'));
}

function outside(path: string, folders: readonly string[], roots: AllowedRoots): SluiceError {
  const list =
    folders.length === 0
      ? `${roots.folders.map(quotePath).join(', ')} (none of which exists)`
      : folders.map(quotePath).join(', ');
  return notAllowed(
    `${quotePath(path)} is outside the folders records may be read from: ${list}. ` +
      'Move the file into one of them, or start Sluice with SLUICE_FILES=<folder> to allow another.',
  );
}

/** Names near the wanted one are told only because their folder is known to be allowed. */
async function notFound(path: string, target: Target): Promise<SluiceError> {
  const [wanted = '', ...deeper] = target.missing;
  const folder = join(target.path, ...target.missing.map(() => '..'));
  if (deeper.length > 0) {
    const message = `There is no folder ${quoteName(wanted)} in ${quotePath(folder)}, so ${quotePath(path)} was not found.`;
    return new SluiceError('source_not_found', message);
  }
  const names = await nearestNames(wanted, folder);
  const hint =
    names.length === 0
      ? 'It has no file of a like name.'
      : `The nearest names there: ${names.map(quoteName).join(', ')}.`;
  return new SluiceError(
    'source_not_found',
    `There is no file ${quoteName(wanted)} in ${quotePath(folder)}. ${hint}`,
  );
}

const maxNamesCompared = 2000;

/** Up to three names in the folder: close by spelling first, then of the same kind. */
async function nearestNames(wanted: string, folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = new Set(
    entries
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .slice(0, maxNamesCompared)
      .map((entry) => entry.name),
  );
  const picked: string[] = [];
  while (picked.length < 3) {
    const name = nearest(wanted, names) ?? [...names].find((other) => extname(other) === extname(wanted));
    if (name === undefined) break;
    names.delete(name);
    picked.push(name);
  }
  return picked;
}

const notAllowed = (message: string) => new SluiceError('source_not_allowed', message);
const invalid = (message: string) => new SluiceError('source_invalid', message);
