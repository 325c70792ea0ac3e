import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getToolUiResourceUri } from '@modelcontextprotocol/ext-apps/app-bridge';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { Frame } from 'playwright-core';
import { expect, onTestFinished, vi } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { builtServer } from '../support/built-server.ts';
import { test as base, urlOf } from '../support/database.ts';
import { serve } from '../support/http.ts';
import { connectRemote } from '../support/http-client.ts';
import { type Connected, connect } from '../support/mcp.ts';
import { startSluice } from '../support/sluice-process.ts';
import { ok, startTarget, status, type Answer as TargetAnswer } from '../support/target.ts';
import { bundleHost, type ChatWorld, openChat, violationsIn } from './chat.ts';

const hostile = '<img src=x onerror="parent.hit=1">\u202e"><script>parent.hit=1</script>';

const test = base.extend<{ view: string; world: ChatWorld }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  view: [async ({}, use) => use(await builtView()), { scope: 'file' }],
  world: [
    async ({ view }, use) => {
      const [browser, script] = await Promise.all([openBrowser(), bundleHost()]);
      await use({ context: await browser.newContext(), script, view });
      await browser.close();
    },
    { scope: 'file' },
  ],
});

const builtView = async () => readFileSync(join(await builtServer(), '../page/chat-view.html'), 'utf8');

/** A server whose flow sends to a target that answers as told. */
async function serverFor(
  db: Parameters<typeof connect>[0],
  answer: TargetAnswer,
): Promise<Connected & { start(count: number, concurrency: number): Promise<CallToolResult> }> {
  const target = await startTarget({ answer });
  const server = await connect(db, {
    'push.yaml': 'flow: push\ntarget: { connector: crm, endpoint: /people }\nmapping:\n  id: source.id\n',
    'connectors.yaml': `crm:\n  type: http\n  base_url: ${target.url}\n  allow_private: true\n`,
  });
  onTestFinished(async () => {
    await server.close();
    await target.close();
  });
  return {
    ...server,
    async start(count, concurrency) {
      const records = Array.from({ length: count }, (_, id) => ({
        id,
        ofTest: expect.getState().currentTestName ?? '',
      }));
      const args = { flow_id: 'push', records, concurrency, label: hostile };
      return (await server.client.callTool({ name: 'start_batch', arguments: args })) as CallToolResult;
    },
  };
}

const statusWord = (frame: Frame) => frame.locator('.state');
const button = (frame: Frame, name: string | RegExp) =>
  frame.getByRole('button', { name, exact: typeof name === 'string' });

test('tools lead to the view, which is a resource of its own, over stdio, /mcp and /sse', async ({
  address,
  view,
}) => {
  const served = await serve(address, { token: null });
  onTestFinished(() => served.stop());
  const child = await startSluice({ home: served.home, databaseUrl: urlOf(address) });
  onTestFinished(() => child.close());
  const remote = await Promise.all([
    connectRemote(served.url, undefined),
    connectRemote(served.url, undefined, 'sse'),
  ]);
  onTestFinished(async () => void (await Promise.all(remote.map((connected) => connected.close()))));

  for (const client of [child.client, ...remote.map((connected) => connected.client)]) {
    const { tools } = await client.listTools();
    const linked = tools.filter((tool) => getToolUiResourceUri(tool) === 'ui://sluice/batch');
    const { contents } = await client.readResource({ uri: 'ui://sluice/batch' });
    const { resources } = await client.listResources();

    expect(linked.map(({ name }) => name)).toEqual([
      'start_batch',
      'get_batch_status',
      'retry_batch_failed_records',
    ]);
    expect(linked[0]?._meta).toEqual({
      ui: { resourceUri: 'ui://sluice/batch' },
      'ui/resourceUri': 'ui://sluice/batch',
    });
    const like = { uri: 'ui://sluice/batch', mimeType: 'text/html;profile=mcp-app' };
    expect(contents).toEqual([
      {
        ...like,
        text: view,
        _meta: {
          ui: {
            csp: { connectDomains: [], resourceDomains: [], frameDomains: [], baseUriDomains: [] },
            prefersBorder: true,
          },
        },
      },
    ]);
    expect(resources).toContainEqual(expect.objectContaining(like));
  }
});

test('a job is followed to its end, one cause is retried, and hostile texts are only text', async ({
  db,
  world,
}) => {
  let isMended = false;
  const answers: TargetAnswer = (hit) => {
    const delayMs = 100;
    if (isMended || Number(hit.id) % 4 > 1) return { ...ok, delayMs };
    return { ...status(Number(hit.id) % 4 === 0 ? 422 : 409, { message: hostile }), delayMs };
  };
  const server = await serverFor(db, answers);
  const chat = await openChat(world, server.client);

  const frame = await chat.embed('job', await server.start(24, 2));

  const bar = frame.getByRole('progressbar');
  await vi.waitFor(
    async () => expect(Number(await bar.getAttribute('aria-valuenow'))).toBeLessThan(24),
    10_000,
  );
  expect(await frame.locator('.counts-legend dt').allTextContents()).toHaveLength(8);
  await chat.page.clock.fastForward(2000);
  await vi.waitFor(
    async () => expect(await statusWord(frame).textContent()).toBe('completed with errors'),
    5000,
  );
  const counts = await frame.locator('.counts-legend dd').allTextContents();
  expect(counts.map(Number)).toEqual([12, 0, 12, 0, 0, 0, 0, 24]);
  await vi.waitFor(async () => expect(await chat.told()).toHaveLength(1), 10_000);
  expect((await chat.told())[0]).toMatch(
    /^Batch job \S+ has finished \(completed_with_errors\), 24 records: 12 succeeded, 12 failed\.$/,
  );
  expect(await frame.getByText('<img src=x onerror=').count()).toBeGreaterThanOrEqual(3);
  expect(await frame.locator('img, main script, iframe').count()).toBe(0);
  expect(await chat.page.evaluate("'hit' in window")).toBe(false);

  isMended = true;
  await button(frame, /^Retry 6 records: crm answered 422/).click();

  await vi.waitFor(async () => expect(await chat.told()).toHaveLength(2), 5000);
  expect((await chat.told())[1]).toContain('12 succeeded, 6 retried success, 6 failed.');
  expect(await frame.locator('.groups li').count()).toBe(1);
  const asked = chat.calls.filter(({ name }) => name === 'get_batch_status');
  expect(asked[0]?.arguments).toMatchObject({ wait_seconds: 0 });
  await chat.page.clock.fastForward(60_000);
  // Whatever the view had to ask has come here before its answer to this.
  await frame.evaluate('new Promise((resolve) => setTimeout(resolve))');
  await chat.told();
  expect(chat.calls.filter(({ name }) => name === 'get_batch_status')).toHaveLength(asked.length);
});

test('by keyboard a job is paused, resumed, when asked twice cancelled, and its rest sent after all', async ({
  db,
  world,
}) => {
  let delayMs = 100;
  const server = await serverFor(db, () => ({ ...ok, delayMs }));
  const chat = await openChat(world, server.client);
  const frame = await chat.embed('job', await server.start(200, 1));
  const { keyboard } = chat.page;
  const focused = () => frame.evaluate('document.activeElement?.textContent');

  await button(frame, 'Pause').press('Enter');
  await button(frame, 'Resume').waitFor();
  expect(await frame.locator('.notice').allTextContents()).toEqual(['Paused: Somebody asked for it.']);
  await button(frame, 'Resume').press('Enter');
  await button(frame, 'Pause').waitFor();
  await button(frame, 'Cancel the job').press('Enter');
  await vi.waitFor(async () => expect(await focused()).toBe('No, let it run'), 10_000);
  await keyboard.press('Escape');
  await vi.waitFor(async () => expect(await focused()).toBe('Cancel the job'), 10_000);
  expect(chat.calls.map(({ arguments: { action } }) => action).filter(Boolean)).toEqual(['pause', 'resume']);
  await keyboard.press('Enter');
  await vi.waitFor(async () => expect(await focused()).toBe('No, let it run'), 10_000);
  await keyboard.press('Shift+Tab');
  expect(await focused()).toBe('Yes, cancel it');
  await keyboard.press('Enter');

  await chat.page.clock.fastForward(2000);
  const goOn = button(frame, /^Go on with \d+ skipped records$/);
  await goOn.waitFor({ timeout: 5000 });
  expect(await statusWord(frame).textContent()).toBe('cancelled');
  expect(await chat.told()).toHaveLength(1);

  delayMs = 0;
  await goOn.press('Enter');
  await vi.waitFor(async () => expect(await chat.told()).toHaveLength(2), 10_000);
  expect((await chat.told())[1]).toMatch(/ \(completed\), (\d+) records: \1 succeeded\.$/);
});

/** Until an observer made after the view's own one has been told. */
const outOfSight = (frame: Frame) =>
  frame.evaluate(`new Promise((resolve) =>
    new IntersectionObserver((entries, observer) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      resolve();
    }).observe(document.documentElement))`);

test('a view asks no more when torn down, seldom out of sight, and again after calls that fail', async ({
  db,
  world,
}) => {
  let isBroken = false;
  const server = await serverFor(db, () => ({ ...ok, delayMs: 100 }));
  const chat = await openChat(world, server.client, { isBroken: () => isBroken });
  const started = await server.start(200, 1);
  await server.call('update_batch', { batch_job_id: 'latest', action: 'pause' });
  const gone = await chat.embed('gone', started);
  const kept = await chat.embed('kept', started);
  await Promise.all([gone, kept].map((frame) => button(frame, 'Resume').waitFor()));
  const away = await chat.embed('away', started);
  await button(away, 'Resume').waitFor();
  const callsOf = (view: string) => chat.calls.filter((call) => call.view === view).length;

  const pageTime = () => chat.page.evaluate('Date.now()') as Promise<number>;
  const nextCallOf = async (view: string) => {
    const made = callsOf(view);
    await chat.page.clock.fastForward(2000);
    await vi.waitFor(() => expect(callsOf(view)).toBeGreaterThan(made), 10_000);
  };

  await chat.teardown('gone');
  const before = callsOf('gone');
  isBroken = true;
  await chat.page.clock.fastForward(2000);
  await kept.getByText('the chat has lost the server').waitFor();
  await button(kept, 'Cancel the job').click();
  await button(kept, 'Yes, cancel it').click();
  await kept.getByRole('alert').getByText('the chat has lost the server').waitFor();
  isBroken = false;
  await chat.page.clock.fastForward(4000);
  await kept.locator('.notice', { hasText: 'the chat has lost the server' }).waitFor({ state: 'detached' });

  expect(callsOf('gone')).toBe(before);
  expect(callsOf('kept')).toBeGreaterThan(before + 2);

  await chat.page.evaluate("document.querySelector('[name=away]').style.marginTop = '5000px'");
  await outOfSight(away);
  const [asked, since] = [callsOf('away'), await pageTime()];
  for (let round = 0; round < 3; round += 1) await nextCallOf('kept');
  // One turn may have been due as before.
  expect(callsOf('away')).toBeLessThanOrEqual(asked + 1 + ((await pageTime()) - since) / 15_000);
  const unseen = callsOf('away');
  await chat.page.evaluate("document.querySelector('[name=away]').scrollIntoView()");
  await vi.waitFor(() => expect(callsOf('away')).toBeGreaterThan(unseen), 10_000);
});

test('where views may call nothing, one shows what it was told, in the look of the chat', async ({
  db,
  world,
}) => {
  const server = await serverFor(db, (hit) =>
    Number(hit.id) > 0 ? ok : status(500, { message: 'x'.repeat(300) }),
  );
  const { batch_job_id } = (await server.start(3, 3)).structuredContent as { batch_job_id: string };
  await server.finish(batch_job_id);
  const result = (name: string, args: object = {}) =>
    server.client.callTool({ name, arguments: { batch_job_id, ...args } }) as Promise<CallToolResult>;
  const told = await result('get_batch_status');
  const chat = await openChat(world, server.client, { width: 320 });

  const dark = { theme: 'dark', safeAreaInsets: { top: 7, right: 0, bottom: 0, left: 0 } } as const;
  const frame = await chat.embed('unable', told, { isAble: false, context: dark });
  const text = await chat.embed('text', { content: told.content });
  const preview = await chat.embed('preview', await result('retry_batch_failed_records', { preview: true }));
  const refused = await chat.embed('refused', await result('get_batch_status', { wait_seconds: -1 }));

  await frame.getByText('What failed').waitFor();
  expect(await frame.getByRole('button').count()).toBe(0);
  expect(await violationsIn(frame)).toEqual([]);
  const sizes = () => frame.evaluate('[document.documentElement.scrollWidth, innerWidth]');
  expect(await sizes()).toEqual([320, 320]);
  expect(await frame.evaluate('innerHeight - document.documentElement.scrollHeight')).toBe(0);
  const surface = () => frame.evaluate('getComputedStyle(document.documentElement).backgroundColor');
  expect(await surface()).toBe('rgb(20, 24, 26)');
  expect(await frame.evaluate('getComputedStyle(document.body).paddingTop')).toBe('7px');
  await chat.change('unable', {
    theme: 'light',
    styles: { variables: { '--color-background-primary': '#fffdf5' } },
  });
  await vi.waitFor(async () => expect(await surface()).toBe('rgb(255, 253, 245)'), 10_000);
  expect(await violationsIn(frame)).toEqual([]);

  await text.getByText('What failed').waitFor();
  await preview.getByText('1 record would be tried again. Nothing was sent or changed.').waitFor();
  await refused.getByRole('alert').getByText('wait_seconds').waitFor();
  expect(chat.calls).toEqual([]);
  expect(await chat.told()).toEqual([]);
});
