import { glob } from 'tinyglobby';
import { RecordFailure } from '../domain/failure.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { type AllowedRoots, allowedFolder, resolveAllowed } from './allowed-roots.ts';

const maxFiles = 10_000;
const finding = { absolute: true, onlyFiles: true, dot: false, followSymbolicLinks: false, deep: 20 };

/**
 * The files that a pattern such as `data/*.csv` finds under the allowed folders: real paths, sorted. Names
 * that begin with a dot are not found, links are not followed.
 *
 * @throws RecordFailure of class data for a pattern that leads elsewhere, or finds more than 10,000 files
 */
export async function globFiles(pattern: string, roots: AllowedRoots): Promise<string[]> {
  const { folder, rest } = parted(pattern);
  try {
    const cwd = await allowedFolder(folder === '' ? '.' : folder, roots);
    if (cwd === undefined) return [];
    const found = await glob(rest, { ...finding, cwd });
    if (found.length > maxFiles)
      throw refused('too_many_files', `a pattern finds more than ${maxFiles} files`);
    const real = await Promise.all(found.map((file) => resolveAllowed(file, roots)));
    return real.sort();
  } catch (error) {
    throw error instanceof SluiceError ? refused(error.code, error.message) : error;
  }
}

/** The folder a pattern begins with, up to its first wildcard, and what is left. */
function parted(pattern: string): { folder: string; rest: string } {
  const segments = pattern.split('/');
  const wild = segments.findIndex((segment) => /[*?[\]{}()!+@]/.test(segment));
  const at = wild < 0 ? segments.length - 1 : wild;
  const folder = segments.slice(0, at).join('/');
  const rest = segments.slice(at).join('/');
  if (segments.slice(at).includes('..'))
    throw refused('source_not_allowed', 'a pattern may hold no .. behind a wildcard');
  return { folder: folder === '' && pattern.startsWith('/') ? '/' : folder, rest };
}

const refused = (code: string, message: string) => new RecordFailure({ class: 'data', code, message });
