import { expect, onTestFinished } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { builtServer } from '../support/built-server.ts';
import { test } from '../support/database.ts';
import { serve } from '../support/http.ts';

test('the page opens in a browser', async ({ address }) => {
  await builtServer();
  const served = await serve(address, { token: null });
  onTestFinished(() => served.stop());
  const browser = await openBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();

  await page.goto(served.url);

  expect(await page.textContent('h1')).toBe('Sluice');
});
