import type { PathRead } from './compile-pipe.ts';
import type { ExpectedField } from './flow.ts';
import { pathName } from './record-path.ts';

/** Paths of the record, each once; required when any use of it is. */
export function expectedFields(reads: readonly PathRead[]): ExpectedField[] {
  const byPath = new Map<string, boolean>();
  for (const { root, path, required } of reads) {
    const name = pathName(path);
    if (root === 'record' && name !== '') byPath.set(name, required || byPath.get(name) === true);
  }
  return [...byPath].map(([path, required]) => ({ path, required }));
}
