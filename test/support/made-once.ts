import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The checkout. */
export const root = resolve(import.meta.dirname, '../..');
/** What tests make for each other, also for the next run. */
export const cache = join(root, 'node_modules/.cache');

/** Makes what is not there. Test files run at the same time: one makes it, the others wait. */
export async function madeOnce(
  name: string,
  isMade: () => boolean,
  make: () => void | Promise<void>,
): Promise<void> {
  if (isMade()) return;
  const lockFile = join(cache, `sluice-${name}.lock`);
  while (!takeLock(lockFile)) await sleep(100);
  try {
    if (!isMade()) await make();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function takeLock(lockFile: string): boolean {
  mkdirSync(cache, { recursive: true });
  try {
    const file = openSync(lockFile, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch {
    if (!holderLives(lockFile)) rmSync(lockFile, { force: true });
    return false;
  }
}

function holderLives(lockFile: string): boolean {
  try {
    process.kill(Number(readFileSync(lockFile, 'utf8')) || process.pid, 0);
    return true;
  } catch {
    return false;
  }
}
