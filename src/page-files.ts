import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Where the build puts what browsers get. */
const folder = join(dirname(createRequire(import.meta.url).resolve('sluice-mcp/package.json')), 'dist/page');

/** A file of the page: its text. undefined: Sluice runs from its sources and has not been built. */
export function pageFile(name: string): string | undefined {
  try {
    return readFileSync(join(folder, name), 'utf8');
  } catch {
    return undefined;
  }
}
