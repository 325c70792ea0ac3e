import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { madeOnce, root } from './made-once.ts';

/** Path of the built `dist/main.js`, built again first if a source file is newer. */
export async function builtServer(): Promise<string> {
  const main = join(root, 'dist/main.js');
  await madeOnce('build', () => isFresh(main), build);
  return main;
}

function build(): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/build.mjs'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`The server cannot be built:\n${stdout}${stderr}`);
}

function isFresh(main: string): boolean {
  const builtAt = statSync(main, { throwIfNoEntry: false })?.mtimeMs;
  if (builtAt === undefined) return false;
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  return sources.every((file) => statSync(join(root, 'src', file)).mtimeMs <= builtAt);
}
