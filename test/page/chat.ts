import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { build } from 'esbuild';
import type { BrowserContext, Frame, Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import type { ChatHost, Embedding } from './embedding.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What a view asked of the server. */
export interface Call {
  readonly view: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** A chat in a page of its own, whose clock a test may put forward. */
export interface Chat {
  readonly page: Page;
  readonly calls: readonly Call[];
  /** What views have told the assistant. */
  told(): Promise<readonly string[]>;
  /** Shows a view that gets the answer of the tool call it belongs to. */
  embed(name: string, result: CallToolResult, more?: Partial<Embedding>): Promise<Frame>;
  change(name: string, context: Embedding['context']): Promise<void>;
  teardown(name: string): Promise<void>;
}

export interface ChatOptions {
  /** Of the window, in pixels. */
  readonly width?: number;
  /** Whether calls are lost on their way to the server; asked for each. */
  readonly isBroken?: () => boolean;
}

/** What chats are made of. */
export interface ChatWorld {
  readonly context: BrowserContext;
  /** The host's. */
  readonly script: string;
  /** As HTML. */
  readonly view: string;
}

/** The script of the host, for `openChat`. */
export async function bundleHost(): Promise<string> {
  const entryPoints = [join(import.meta.dirname, 'chat-host.ts')];
  const { outputFiles } = await build({ entryPoints, bundle: true, format: 'iife', write: false });
  return outputFiles[0]?.text ?? '';
}

/** Opens a chat whose views call the server of `client`. */
export async function openChat(
  { context, script, view }: ChatWorld,
  client: Client,
  { width = 700, isBroken = () => false }: ChatOptions = {},
): Promise<Chat> {
  const page = await context.newPage();
  await page.setViewportSize({ width, height: 900 });
  onTestFinished(() => page.close());
  const calls: Call[] = [];
  await page.exposeFunction('callTool', async (name: string, params: Omit<Call, 'view'>) => {
    calls.push({ view: name, ...params });
    if (isBroken()) throw new Error('the chat has lost the server');
    return client.callTool(params);
  });
  await page.clock.install();
  await page.setContent('<!doctype html><title>Chat</title><body style="margin: 0">');
  await page.addScriptTag({ content: script });
  // As text, since the types of tests know no document.
  const host = <K extends keyof ChatHost>(method: K, ...args: Parameters<ChatHost[K]>) =>
    page.evaluate<Awaited<ReturnType<ChatHost[K]>>>(`chatHost.${method}(...${JSON.stringify(args)})`);
  return {
    page,
    calls,
    told: () => host('told'),
    async embed(name, result, more = {}) {
      await host('embed', name, { html: view, context: {}, isAble: true, ...more });
      await host('answer', name, result);
      const frame = page.frame({ name });
      if (frame === null) throw new Error(`There is no frame ${name}.`);
      return frame;
    },
    change: (name, context) => host('change', name, context),
    teardown: (name) => host('teardown', name),
  };
}

/** What axe finds wrong with a document, by the name of the rule and the elements. */
export async function violationsIn(frame: Frame): Promise<string[]> {
  await frame.evaluate(axe);
  const { violations } = await frame.evaluate<{
    violations: readonly { id: string; nodes: readonly { html: string }[] }[];
  }>('axe.run()');
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
