import chromiumBinary from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

/**
 * A real Chromium: the one of the package on Linux with x64, elsewhere one that is installed. The arguments
 * that come with the package are not used: they switch off what keeps pages apart.
 */
export async function openBrowser(): Promise<Browser> {
  const isShipped = process.platform === 'linux' && process.arch === 'x64';
  if (!isShipped) return chromium.launch({ channel: 'chromium' });
  return chromium.launch({
    executablePath: await chromiumBinary.executablePath(),
    args: ['--no-sandbox', '--font-render-hinting=none'],
  });
}
