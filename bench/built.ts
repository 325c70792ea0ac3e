import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type * as parts from './sluice.ts';

/** The built server. */
export const mainFile = new URL('../dist/main.js', import.meta.url);

/** As deep in the package as dist/ is, since it reads files of the package. */
const builtParts = new URL('../build/sluice-for-bench.js', import.meta.url);

/**
 * Sluice as it runs for its users: built, since what runs TypeScript directly adds calls to the code that
 * slow it down.
 */
export async function loadBuilt(): Promise<typeof parts> {
  await build({
    entryPoints: [fileURLToPath(new URL('sluice.ts', import.meta.url))],
    outfile: fileURLToPath(builtParts),
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    logLevel: 'warning',
  });
  return (await import(builtParts.href)) as typeof parts;
}
