import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { BrowserContext, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { builtServer } from '../support/built-server.ts';
import { test as base } from '../support/database.ts';
import { type Served, type ServeOptions, serve } from '../support/http.ts';
import { type Hit, type Mode, startTarget, status, type Target } from '../support/target.ts';

/** Text that would be an element, run, or turn its surroundings around, if it were taken for anything but text. */
export const hostile = `<img src=x onerror="window.harmed=1">"><script>window.harmed=1</script>\u202e ${'long'.repeat(60)}`;

/** A target that refuses each record that says `bad`, and takes those that say `lost` without an answer, unless it is mended. */
export interface Shop extends Target {
  isMended: boolean;
}

interface Pages {
  /** One for all tests of a file: Chromium as it is shipped ends with the first one that is closed. */
  readonly context: BrowserContext;
  readonly shop: Shop;
  /** A server without a token that has the flows below. */
  readonly server: Served;
}

export const flowsFor = (shopUrl: string) => ({
  'connectors.yaml': `shop: { type: http, base_url: "${shopUrl}", allow_private: true }\n`,
  'customers.yaml': [
    'flow: customers',
    'version: 1',
    `description: ${JSON.stringify(hostile)}`,
    'target: { connector: shop, endpoint: /customers, method: POST }',
    'mapping:',
    '  id: source.id | required',
    '  name: source.name',
    'on_error: { retry: none, then: dead-letter }',
    'batch: { id_field: id }',
  ].join('\n'),
  '<img src=x onerror=window.harmed=1>.yaml': 'flow: [',
  'slow.yaml': 'flow: slow\nversion: 1\ntarget: { connector: echo }\nbatch: { concurrency: 1, rate: 20/s }\n',
});

export const test = base.extend<Pages>({
  context: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
    async ({}, use) => {
      await builtServer();
      const browser = await openBrowser();
      await use(await browser.newContext());
      await browser.close();
    },
    { scope: 'file' },
  ],
  shop: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
    async ({}, use) => {
      const answer = ({ body }: Hit): Mode => {
        const said = shop.isMended ? '' : JSON.stringify(body);
        if (said.includes('bad')) return status(422, { message: hostile });
        return said.includes('lost') ? { kind: 'reset_after_work' } : { kind: 'ok', body: { said: hostile } };
      };
      const shop: Shop = Object.assign(await startTarget({ answer }), { isMended: false });
      await use(shop);
      await shop.close();
    },
    { scope: 'file' },
  ],
  server: [
    async ({ address, shop }, use) => {
      const server = await serve(address, { token: null, flows: flowsFor(shop.url) });
      await use(server);
      await server.stop();
    },
    { scope: 'file' },
  ],
});

export const servePage = (
  address: Parameters<typeof serve>[0],
  shopUrl: string,
  options: ServeOptions,
): Promise<Served> => serve(address, { flows: flowsFor(shopUrl), ...options });

export interface Watched {
  readonly page: Page;
  /** What the browser complained about, violations of the content security policy among it. */
  readonly complaints: string[];
}

/** A tab of its own. */
export async function openPage(context: BrowserContext, url: string): Promise<Watched> {
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    // The browser notes every refusal of the API; the page tells it in words.
    const isRefusal = message.text().startsWith('Failed to load resource');
    if (['error', 'warning'].includes(message.type()) && !isRefusal) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => complaints.push(`asked by ${dialog.type()}`));
  onTestFinished(() => page.close());
  await page.goto(url);
  return { page, complaints };
}

/** Starts a job as a program would; records are `bad` where `isBad` says so. */
export async function startJob(
  server: Served,
  count: number,
  isBad: (n: number) => boolean,
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const records = Array.from({ length: count }, (_, n) => ({
    id: `${hostile} ${n}`,
    name: isBad(n) ? `bad ${hostile}` : hostile,
  }));
  const body = { flow_id: 'customers', records, label: hostile.slice(0, 120), allow_repeat: true, ...more };
  const { batch_job_id: id } = await server.json('/api/v1/batches', { method: 'POST', body });
  return id;
}

export const finishedJob = async (server: Served, id: string) => {
  const job = await server.json(`/api/v1/batches/${id}?wait_seconds=20`);
  expect(job.finished).toBe(true);
  return job;
};

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What is wrong for people who use other senses or no pointer, each with the places where. */
export async function accessProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await (
      globalThis as unknown as {
        axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      }
    ).axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
}
