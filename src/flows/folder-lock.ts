import { mkdir, open, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileTrouble } from '../connectors/replace-file.ts';
import { SluiceError } from '../domain/sluice-error.ts';

/** A lock that shows no sign of life for so long was left by a process that died. In milliseconds. */
const staleMs = 3_000;
/** A holder shows that it lives, in milliseconds. */
const beatMs = 500;
const lookMs = 20;

/**
 * Makes a folder if it is not there, and keeps all other savers out of it during `work`, in this process and
 * in others.
 *
 * @throws SluiceError `invalid_configuration` for a folder that cannot be written.
 */
export async function withFolderLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = join(folder, '.saving.lock');
  await take(folder, lock);
  const beating = setInterval(() => void utimes(lock, new Date(), new Date()).catch(() => {}), beatMs);
  try {
    return await work();
  } finally {
    clearInterval(beating);
    await rm(lock, { force: true });
  }
}

async function take(folder: string, lock: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    const since = { mark: 0, at: 0 };
    while (!(await taken(lock, since))) await sleep(lookMs);
  } catch (error) {
    throw new SluiceError(
      'invalid_configuration',
      `The flows folder ${folder} cannot be written (${fileTrouble(error)}). Nothing was saved.`,
    );
  }
}

/** A lock that was seen: its time of writing, and when this process saw it first. Clocks of machines differ. */
interface Seen {
  mark: number;
  at: number;
}

async function taken(lock: string, seen: Seen): Promise<boolean> {
  try {
    await (await open(lock, 'wx')).close();
    return true;
  } catch (error) {
    if (fileTrouble(error) !== 'EEXIST') throw error;
    const { mtimeMs = 0 } = (await stat(lock).catch(() => undefined)) ?? {};
    if (mtimeMs !== seen.mark) Object.assign(seen, { mark: mtimeMs, at: performance.now() });
    else if (performance.now() - seen.at > staleMs) await rm(lock, { force: true });
    return false;
  }
}
