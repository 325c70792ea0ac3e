import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { accessProblems, finishedJob, hostile, openPage, startJob, test } from './page-server.ts';

/** Presses Tab until the focus is there. */
async function tabTo(page: Page, wanted: Locator): Promise<void> {
  await wanted.waitFor();
  for (let pressed = 0; pressed < 80; pressed += 1) {
    if (await wanted.evaluate((element) => element === element.ownerDocument.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`no way to ${wanted} by Tab`);
}

async function press(page: Page, role: 'button' | 'link', name: string | RegExp): Promise<void> {
  await tabTo(page, page.getByRole(role, { name, exact: true }));
  await page.keyboard.press('Enter');
}

/** The counts of the legend by their names. */
const legendOf = (page: Page) =>
  page
    .locator('.counts-legend div')
    .evaluateAll((rows) =>
      Object.fromEntries(
        rows.map((row) => [row.children[0]?.textContent, Number(row.children[1]?.textContent)]),
      ),
    );

test('by keyboard alone a job is started from pasted rows, looked into, and mended', async ({
  context,
  server,
  shop,
}) => {
  const { page, complaints } = await openPage(context, server.url);
  await page.getByText('There are no jobs yet').waitFor();

  await press(page, 'link', 'Start a job');
  await tabTo(page, page.getByRole('combobox', { name: 'Flow' }));
  await page.getByRole('option', { name: 'customers' }).waitFor({ state: 'attached' });
  await page.keyboard.type('customers');
  await page.getByRole('row', { name: 'id yes' }).waitFor();
  await tabTo(page, page.getByText('Paste rows instead'));
  await page.keyboard.press('Enter');
  await tabTo(page, page.getByRole('textbox', { name: /CSV with a header/ }));
  await page.keyboard.insertText('id,name\n1,Ada\n2,bad\n3,Eve\n');
  await press(page, 'button', 'Use these rows');
  await page.getByText('has been sent').waitFor();
  expect(await page.getByRole('button', { name: 'Start', exact: true }).isDisabled()).toBe(true);
  await press(page, 'button', 'Preview');
  await page.getByText('3 rows: 3 would be sent, 0 would fail, 0 would be skipped').waitFor();
  await press(page, 'button', 'Start');
  await page.getByRole('status').getByText('completed with errors').waitFor();
  await page.getByText('1 failure by cause').waitFor();
  const failed = await legendOf(page);
  await press(page, 'button', 'Record 1');
  await page.getByRole('heading', { name: 'Attempts, newest first' }).waitFor();
  await page.getByText('Attempt 1').waitFor();
  await page.keyboard.press('Escape');
  const opener = page.getByRole('button', { name: 'Record 1' });
  expect(await opener.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
  shop.isMended = true;
  await tabTo(page, page.getByRole('checkbox', { name: 'Choose record 1' }));
  await page.keyboard.press('Space');
  await tabTo(page, page.getByRole('button', { name: 'Retry 1 chosen record' }));
  await page.keyboard.press('Enter');
  await page.getByRole('status').getByText('completed', { exact: true }).waitFor();

  expect(failed).toEqual({
    succeeded: 2,
    'retried success': 0,
    failed: 1,
    'retried failed': 0,
    skipped: 0,
    processing: 0,
    pending: 0,
    total: 3,
  });
  await expect.poll(() => legendOf(page)).toMatchObject({ succeeded: 2, 'retried success': 1, total: 3 });
  expect(await page.title()).toMatch(/^Job \w{8} · Sluice$/);
  expect(complaints).toEqual([]);
});

test('texts of others stay texts, and no view has trouble with the eyes, the ears or the width of anybody', async ({
  context,
  server,
  shop,
}) => {
  shop.isMended = false;
  const id = await startJob(server, 60, (n) => n % 2 === 1);
  await finishedJob(server, id);
  const { page, complaints } = await openPage(context, server.url);
  const views = [
    { hash: '#/jobs', shows: 'heading', named: 'Jobs' },
    { hash: `#/jobs/${id}`, shows: 'button', named: 'Record 24' },
    { hash: '#/start?flow=customers', shows: 'row', named: 'id yes' },
    { hash: '#/flows', shows: 'link', named: 'customers' },
    { hash: '#/flows/customers', shows: 'region', named: 'Text of the flow' },
    { hash: '#/dead-letters', shows: 'button', named: 'Give up' },
    { hash: `#/flows/${encodeURIComponent(hostile)}`, shows: 'alert', named: '' },
    { hash: '#/nowhere', shows: 'heading', named: 'Nothing here' },
  ] as const;

  const problems: unknown[] = [];
  for (const { hash, shows, named } of views) {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
    await page.goto(`${server.url}/${hash}`);
    await page
      .getByRole(shows, named === '' ? {} : { name: named, exact: true })
      .first()
      .waitFor();
    await page.waitForFunction(`!document.body.textContent.includes('Loading')`);
    const light = await accessProblems(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 375, height: 800 });
    const dark = await accessProblems(page);
    const fits = page.waitForFunction('document.documentElement.scrollWidth <= 375', null, { timeout: 3000 });
    // What is drawn follows the width of the window a moment later.
    await fits.catch(() => {});
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    if (light.length + dark.length > 0 || width > 375) problems.push({ hash, light, dark, width });
  }
  await page.goto(`${server.url}/#/jobs/${id}`);
  await page.getByRole('button', { name: 'Record 1', exact: true }).click();
  await page.getByRole('region', { name: 'Payload' }).waitFor();
  const inDialog = await accessProblems(page);
  const texts = await page.getByRole('dialog').textContent();

  expect(problems).toEqual([]);
  expect(inDialog).toEqual([]);
  expect(texts).toContain('<img src=x onerror=');
  expect(await page.locator('img, main script, iframe').count()).toBe(0);
  expect(await page.evaluate('window.harmed')).toBeUndefined();
  expect(complaints).toEqual([]);
});

test('records come a page at a time, by status, and are chosen over pages until they are sent', async ({
  context,
  server,
  shop,
}) => {
  shop.isMended = false;
  const id = await startJob(server, 120, (n) => n >= 60);
  await finishedJob(server, id);
  const speeds = await server.json(`/api/v1/batches/${id}/throughput`);
  const { page } = await openPage(context, `${server.url}/#/jobs/${id}`);
  const rows = page.getByRole('table', { name: 'Records in the order of the input' }).locator('tbody tr');
  const pager = page.getByRole('navigation', { name: 'Pages of records' });

  await page.getByRole('combobox', { name: 'Status' }).selectOption('failed');
  await page.getByRole('button', { name: 'Record 60' }).waitFor();
  const most = await rows.count();
  await page.getByRole('checkbox', { name: 'Choose all on this page that can be retried' }).check();
  await page.getByRole('checkbox', { name: 'Choose record 61' }).uncheck();
  await pager.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('checkbox', { name: 'Choose record 85' }).check();
  await pager.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('button', { name: 'Record 119' }).waitFor();
  const rest = await rows.count();
  shop.isMended = true;
  // All of the first page but one, and one of the second.
  await page.getByRole('button', { name: `Retry ${most} chosen records` }).click();
  await page.getByRole('button', { name: 'Retry chosen' }).waitFor();

  expect([most, rest]).toEqual([25, 10]);
  const { stretches } = speeds as { stretches: { done: number; failed: number }[] };
  const sum = (what: 'done' | 'failed') => stretches.reduce((all, stretch) => all + stretch[what], 0);
  expect([sum('done'), sum('failed')]).toEqual([120, 60]);
  await expect
    .poll(() => legendOf(page))
    .toMatchObject({ succeeded: 60, 'retried success': most, failed: 60 - most, total: 120 });
  expect(await page.getByRole('button', { name: 'Choose none' }).count()).toBe(0);
});

test('at the width of a phone one box chooses all records of a page, or all dead letters of one', async ({
  context,
  server,
  shop,
}) => {
  shop.isMended = false;
  const id = await startJob(server, 3, () => true);
  await finishedJob(server, id);
  const { page } = await openPage(context, `${server.url}/#/jobs/${id}`);
  await page.setViewportSize({ width: 360, height: 740 });

  await page.getByRole('checkbox', { name: 'Choose all on this page that can be retried' }).check();
  const records = await page.getByRole('button', { name: 'Retry 3 chosen records' }).isEnabled();
  await page.goto(`${server.url}/#/dead-letters`);
  await page.getByRole('checkbox', { name: 'Choose all on this page' }).check();
  const letters = await page.getByRole('checkbox', { name: /^Choose record/, checked: false }).count();

  expect({ records, letters }).toEqual({ records: true, letters: 0 });
});

test('failures of one cause are retried, and those of another stay as they are', async ({
  context,
  server,
  shop,
}) => {
  shop.isMended = false;
  const records = ['bad', 'bad', 'lost'].map((name, n) => ({ id: `sorted ${n}`, name }));
  const id = await startJob(server, 0, () => true, { records });
  await finishedJob(server, id);
  shop.isMended = true;
  const { page } = await openPage(context, `${server.url}/#/jobs/${id}`);

  await page.getByRole('button', { name: 'Retry 2', exact: true }).click();

  await expect
    .poll(() => server.json(`/api/v1/batches/${id}`))
    .toMatchObject({ finished: true, counts: { retried_success: 2, failed: 1 } });
});

test('a running job is paused, resumed and cancelled, and a cancel asks first', async ({
  context,
  server,
}) => {
  const records = Array.from({ length: 400 }, (_, n) => ({ n }));
  const body = { flow_id: 'slow', records };
  const { batch_job_id: id } = await server.json('/api/v1/batches', { method: 'POST', body });
  const { page } = await openPage(context, `${server.url}/#/jobs/${id}`);
  const status = page.getByRole('main').getByRole('status');

  await page.getByRole('button', { name: 'Pause' }).click();
  await status.getByText('paused').waitFor();
  await page.getByText('Paused since').waitFor();
  const afterPause = await page.evaluate('document.activeElement.textContent');
  await page.getByRole('button', { name: 'Resume' }).click();
  await status.getByText('processing').waitFor();
  await page.getByRole('button', { name: 'Cancel job' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Leave it' }).click();
  await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
  const before = await server.json(`/api/v1/batches/${id}`);
  await server.json(`/api/v1/batches/${id}`, { method: 'PATCH', body: { action: 'pause' } });
  await status.getByText('paused').waitFor();
  await page.route(`**/batches/${id}`, async (route) => {
    if (route.request().method() !== 'PATCH') return route.continue();
    await route.fulfill({
      status: 503,
      json: { code: 'database_unavailable', detail: `It rests. ${hostile}` },
    });
  });
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('alert').getByText('It rests.').waitFor();
  await page.unrouteAll();
  await page.getByRole('button', { name: 'Cancel job' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel job' }).click();
  await status.getByText('cancelled').waitFor();
  await page.getByRole('button', { name: /^Go on with \d+ skipped$/ }).waitFor();

  expect(afterPause).toBe('Resume');
  expect(before.status).toBe('processing');
  const { counts } = await server.json(`/api/v1/batches/${id}`);
  expect(counts.skipped).toBeGreaterThan(0);
});

test('dead letters are sent again or given up; giving up asks first, and sending what may have arrived', async ({
  context,
  server,
  shop,
}) => {
  shop.isMended = false;
  const records = ['bad', 'bad', 'bad', 'lost'].map((name, n) => ({ id: `kept ${n}`, name }));
  const id = await startJob(server, 0, () => true, { label: 'kept', records });
  await finishedJob(server, id);
  shop.isMended = true;
  const { page } = await openPage(context, `${server.url}/#/dead-letters`);
  const choose = (n: number) =>
    page.getByRole('checkbox', { name: `Choose record ${n} of job ${id.slice(-8)}`, exact: true });

  await choose(0).check();
  await page.getByRole('button', { name: 'Give up' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Give up' }).click();
  await choose(0).waitFor({ state: 'detached' });
  await choose(1).check();
  await page.getByRole('button', { name: 'Send again' }).click();
  await expect.poll(() => server.json(`/api/v1/batches/${id}`)).toMatchObject({ finished: true, wave: 1 });

  const { counts } = await server.json(`/api/v1/batches/${id}`);
  expect(counts).toMatchObject({ failed: 3, retried_success: 1 });
  await page.reload();
  await choose(2).waitFor();
  expect(await choose(1).count()).toBe(0);
  await choose(3).check();
  await page.getByRole('button', { name: 'Send again' }).click();
  await page.getByRole('dialog').getByText('The answers to 1 of them were lost').waitFor();
  await page.keyboard.press('Escape');
  await page.goto(`${server.url}/#/jobs/${id}`);
  await page.getByRole('checkbox', { name: 'Choose record 3' }).check();
  await page.getByRole('button', { name: 'Retry 1 chosen record' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Retry 1 chosen record' }).click();
  await expect
    .poll(() => server.json(`/api/v1/batches/${id}`))
    .toMatchObject({
      counts: { failed: 2, retried_success: 2 },
    });
});
