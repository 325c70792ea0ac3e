import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import chromiumBinary from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';
import { cache, madeOnce } from './made-once.ts';

/**
 * A real Chromium: the one of the package on Linux with x64, elsewhere one that is installed. The arguments
 * that come with the package are not used: they switch off what keeps pages apart.
 */
export async function openBrowser(): Promise<Browser> {
  const isShipped = process.platform === 'linux' && process.arch === 'x64';
  if (!isShipped) return chromium.launch({ channel: 'chromium' });
  const folder = join(cache, 'sluice-chromium');
  await madeOnce(
    'chromium',
    () => existsSync(folder),
    () => unpack(folder),
  );
  return chromium.launch({
    executablePath: join(folder, 'chromium'),
    args: ['--no-sandbox', '--font-render-hinting=none'],
  });
}

/**
 * The package unpacks into the folder for temporary files, and takes what lies there for whole: also what another
 * process is still writing, or what belongs to another user. So it gets a folder of its own, named when it is whole.
 */
async function unpack(folder: string): Promise<void> {
  const unfinished = `${folder}.${randomUUID()}`;
  mkdirSync(unfinished);
  const { TMPDIR } = process.env;
  process.env.TMPDIR = unfinished;
  try {
    await chromiumBinary.executablePath();
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
  renameSync(unfinished, folder);
}
