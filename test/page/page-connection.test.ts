import { expect, onTestFinished } from 'vitest';
import { operatorToken } from '../support/http.ts';
import { openPage, servePage, test } from './page-server.ts';

test('a server that goes away is said to be away, and what was shown goes on when it is back', async ({
  address,
  context,
  shop,
}) => {
  const first = await servePage(address, shop.url, { token: null });
  const port = new URL(first.url).port;
  const records = Array.from({ length: 40 }, (_, n) => ({ n }));
  const started = await first.json('/api/v1/batches', { method: 'POST', body: { flow_id: 'slow', records } });
  const { page } = await openPage(context, `${first.url}/#/jobs/${started.batch_job_id}`);
  // What is shown before the server goes away is as much as was read by then: always more than this.
  await page.setViewportSize({ width: 1280, height: 240 });
  await page.getByRole('main').getByRole('status').getByText('processing').waitFor();
  await page.evaluate(() => Object.assign(globalThis, { notReloaded: true }));

  await first.stop();
  const away = page.getByText('No connection to the server. Trying again');
  await away.waitFor();
  const placeAfterScrolling = async () => {
    await page.evaluate('scrollTo(0, 10_000)');
    return (await away.boundingBox())?.y;
  };
  await expect.poll(placeAfterScrolling).toBe(0);
  const comeBack = page.waitForRequest((request) => request.url().endsWith('/events'));
  const second = await servePage(address, shop.url, { token: null, env: { SLUICE_PORT: port } });
  onTestFinished(() => second.stop());
  await page.getByText('No connection to the server').waitFor({ state: 'detached' });
  await page.getByRole('main').getByRole('status').getByText('completed', { exact: true }).waitFor();
  await page.getByRole('img', { name: /^Throughput over time/ }).waitFor();

  expect(await page.locator('.counts-total dd').textContent()).toBe('40');
  expect((await comeBack).headers()['last-event-id']).toMatch(/^\d+-40-/);
  expect(await page.evaluate('notReloaded')).toBe(true);
});

test('a token that no header can hold is not taken and not kept', async ({ address, context, shop }) => {
  const server = await servePage(address, shop.url, {});
  onTestFinished(() => server.stop());
  const { page } = await openPage(context, `${server.url}/#/flows`);

  await page.getByLabel('Token').fill('жетон-操作者');
  await page.getByRole('button', { name: 'Look in' }).click();
  await page.getByRole('alert').getByText('does not take this token').waitFor();

  expect(await page.evaluate('sessionStorage.length')).toBe(0);
  expect(await page.getByText('No connection to the server').count()).toBe(0);
});

test('of two files that are chosen one after the other the later one is used, and of two at once none', async ({
  context,
  server,
}) => {
  const { page } = await openPage(context, `${server.url}/#/start?flow=customers`);
  const fileOf = (name: string) => ({ name, mimeType: '', buffer: Buffer.from('id\n1\n') });
  const field = page.getByLabel('Choose a file');
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/uploads?name=wrong.csv', async (route) => {
    await held;
    await route.continue().catch(() => {});
  });

  await field.setInputFiles(fileOf('wrong.csv'));
  await page.getByText('Sending the rows').waitFor();
  await field.setInputFiles(fileOf('right.csv'));
  await page.getByText('right.csv (5 bytes) has been sent.').waitFor();
  release();
  const two = await page.evaluateHandle(
    `{ const data = new DataTransfer(); for (const name of ['a.csv', 'b.csv']) data.items.add(new File(['id'], name)); data; }`,
  );
  await page.locator('.drop').dispatchEvent('drop', { dataTransfer: two });
  await page.getByRole('alert').getByText('These are 2 files, and a job reads one.').waitFor();
  const previewed = page.waitForRequest('**/previews');
  await page.getByRole('button', { name: 'Preview' }).click();
  const { source } = (await previewed).postDataJSON() as { source: { upload_id: string } };

  const used = await server.json(`/api/v1/uploads/${source.upload_id}`);
  expect(used.name).toBe('right.csv');
  expect(await field.inputValue()).toContain('right.csv');
  expect(await page.getByText('right.csv (5 bytes) has been sent.').count()).toBe(1);
});

test('a token is asked for, goes along with every call, uploads too, and is kept for the tab alone', async ({
  address,
  context,
  shop,
}) => {
  const server = await servePage(address, shop.url, {});
  onTestFinished(() => server.stop());
  const { page } = await openPage(context, `${server.url}/#/flows`);
  const addresses: string[] = [];
  page.on('request', (request) => addresses.push(request.url()));

  await page.getByLabel('Token').fill('not the one');
  await page.getByRole('button', { name: 'Look in' }).click();
  await page.getByRole('alert').getByText('does not take this token').waitFor();
  // Where the next one is typed in.
  await page.locator('input[type=password]:focus').waitFor();
  await page.getByLabel('Token').fill(operatorToken);
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'customers', exact: true }).waitFor();
  await page.reload();
  await page.getByRole('link', { name: 'customers', exact: true }).waitFor();
  await page.goto(`${server.url}/#/start?flow=customers`);
  const file = { name: 'two.ndjson', mimeType: '', buffer: Buffer.from('{"id": 1}\n{"name": "Ada"}\n') };
  await page.getByLabel('Choose a file').setInputFiles(file);
  await page.getByText('two.ndjson (26 bytes) has been sent.').waitFor();
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.getByText('2 rows: 1 would be sent, 1 would fail').waitFor();
  // As text, since the types of tests know no document.
  const dropped = await page.evaluateHandle(
    `{ const data = new DataTransfer(); data.items.add(new File(['{"id": 1}'], 'one.ndjson')); data; }`,
  );
  await page.locator('.drop').dispatchEvent('drop', { dataTransfer: dropped });
  await page.getByText('one.ndjson (9 bytes) has been sent.').waitFor();
  const named = await page.getByLabel('Choose a file').inputValue();
  const kept = await page.evaluate('[sessionStorage.length, localStorage.length, document.cookie]');
  await page.getByRole('button', { name: 'Forget token' }).click();
  await page.getByLabel('Token').waitFor();

  expect(named).toBe('');
  expect(kept).toEqual([1, 0, '']);
  expect(await page.evaluate('sessionStorage.length')).toBe(0);
  expect(addresses.filter((url) => url.includes(operatorToken))).toEqual([]);
});
