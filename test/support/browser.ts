import chromiumBinary from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

/** A real Chromium: the one of the package on Linux with x64, elsewhere one that is installed. */
export async function openBrowser(): Promise<Browser> {
  const isShipped = process.platform === 'linux' && process.arch === 'x64';
  if (!isShipped) return chromium.launch({ channel: 'chromium' });
  return chromium.launch({
    executablePath: await chromiumBinary.executablePath(),
    args: [...chromiumBinary.args, '--no-sandbox'],
  });
}
