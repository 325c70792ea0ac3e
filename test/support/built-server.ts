import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = resolve(import.meta.dirname, '../..');
const lockFile = join(root, 'node_modules/.cache/sluice-build.lock');

/** Path of the built `dist/main.js`, built again first if a source file is newer. */
export async function builtServer(): Promise<string> {
  const main = join(root, 'dist/main.js');
  if (!isFresh(main)) await buildOnce(main);
  return main;
}

/** Test files run at the same time: one builds, the others wait. */
async function buildOnce(main: string): Promise<void> {
  while (!takeLock()) await sleep(100);
  try {
    if (!isFresh(main)) build();
  } finally {
    rmSync(lockFile, { force: true });
  }
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

function takeLock(): boolean {
  mkdirSync(join(root, 'node_modules/.cache'), { recursive: true });
  try {
    const file = openSync(lockFile, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch {
    if (!holderLives()) rmSync(lockFile, { force: true });
    return false;
  }
}

function holderLives(): boolean {
  try {
    process.kill(Number(readFileSync(lockFile, 'utf8')) || process.pid, 0);
    return true;
  } catch {
    return false;
  }
}
