import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { createHttpApp } from '../../src/http/app.ts';
import { listen } from '../../src/http/listen.ts';
import { conformanceServer } from '../support/conformance-server.ts';
import { test } from '../support/database.ts';
import { operatorToken, type Served, serve } from '../support/http.ts';

/** The last one that runs on Node 20. */
const suite = '@modelcontextprotocol/conformance@0.1.13';

const stateless = 'a server that keeps no sessions cannot ask its client anything';
const watching = 'at /mcp nobody is told of changes, and the server does not offer it';
const untried = 'the scenario does nothing where a server gives no session';
const fixture = 'wants a tool, prompt or resource of the suite’s own';

/** What our transport does not do with sessions either, and why. */
const notInSessions: Readonly<Record<string, string>> = {
  'server-sse-polling': 'nothing of a stream is kept for a client that comes back to it, which is a SHOULD',
};

/** What our transport does not do without sessions, and why. */
const notStateless: Readonly<Record<string, string>> = {
  'tools-call-sampling': stateless,
  'tools-call-elicitation': stateless,
  'elicitation-sep1034-defaults': stateless,
  'elicitation-sep1330-enums': stateless,
  'resources-subscribe': watching,
  'resources-unsubscribe': watching,
  'server-sse-polling': untried,
  'server-sse-multiple-streams': untried,
};

/** What Sluice's own server does not pass, and why. */
const notOurServer: Readonly<Record<string, string>> = {
  ...notStateless,
  'logging-set-level': 'Sluice logs to stderr, and does not offer logging to clients',
  'completion-complete': fixture,
  'tools-call-image': fixture,
  'tools-call-audio': fixture,
  'tools-call-embedded-resource': fixture,
  'tools-call-mixed-content': fixture,
  'tools-call-with-logging': fixture,
  'tools-call-with-progress': fixture,
  'json-schema-2020-12': fixture,
  'resources-read-text': fixture,
  'resources-read-binary': fixture,
  'resources-templates-read': fixture,
  'prompts-get-simple': fixture,
  'prompts-get-with-args': fixture,
  'prompts-get-embedded-resource': fixture,
  'prompts-get-with-image': fixture,
};

const folder = mkdtempSync(join(tmpdir(), 'sluice-conformance-'));
const program = join(folder, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
const installed = spawnSync(
  'npm',
  ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', suite],
  { encoding: 'utf8' },
);
const hasSuite = installed.status === 0 && existsSync(program);
if (!hasSuite) process.stderr.write(`Skipped: npm cannot get ${suite}.\n${installed.stderr}\n`);

let served: Served | undefined;
const closing: (() => void)[] = [];
afterAll(async () => {
  for (const close of closing) close();
  await served?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** An address that adds the token, which the suite has no option for, and changes nothing else. */
async function withToken(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const proxy = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const asked = { ...headers, authorization: `Bearer ${operatorToken}` };
    const passing = request({ hostname, port, method, path, headers: asked }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passing.on('error', () => outgoing.destroy());
    incoming.pipe(passing);
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  closing.push(() => proxy.close());
  return `http://localhost:${(proxy.address() as AddressInfo).port}/mcp`;
}

/** The names of the scenarios that did not pass. */
async function notPassed(url: string): Promise<string[]> {
  const args = [program, 'server', '--url', url, '--suite', 'all'];
  // It ends with 1 whenever anything did not pass.
  const said = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 2 ** 26 }, (_, stdout) => resolve(stdout));
  });
  const results = [...said.matchAll(/^[✓✗] ([\w-]+): (\d+) passed, (\d+) failed$/gm)];
  if (results.length < 30) throw new Error(`The suite ran ${results.length} scenarios only:\n${said}`);
  const others = results.filter(([, , passed, failed]) => passed === '0' || failed !== '0');
  return others.map(([, name = '']) => name).sort();
}

test.skipIf(!hasSuite)(
  'Sluice passes every scenario that needs nothing of the suite’s own',
  async ({ address }) => {
    served = await serve(address);

    const others = await notPassed(await withToken(served.url));

    expect(others).toEqual(Object.keys(notOurServer).sort());
  },
);

/** Our application, with the suite's own tools in place of Sluice's. */
async function withFixtures(mcpSessions: boolean): Promise<string> {
  const app = createHttpApp({
    version: '0',
    operations: [],
    mcpServer: conformanceServer,
    mcpSessions,
    context: () => {
      throw new Error('nothing is asked of Sluice');
    },
    onUnexpected: () => {},
    isReady: async () => true,
    ending: new AbortController().signal,
    doors: { host: '127.0.0.1', allowedHosts: [], allowedOrigins: [] },
    authentication: { token: operatorToken, required: true, verifiers: [] },
    observer: { ended: () => {}, streamOpened: () => {}, streamClosed: () => {} },
    metrics: { contentType: 'text/plain', text: async () => '' },
    pageFile: () => undefined,
  });
  const listener = await listen(app, '127.0.0.1', 0);
  closing.push(() => void listener.close(0));
  return withToken(listener.url);
}

test.skipIf(!hasSuite)('with the suite’s own tools, our transport passes what needs no session', async () => {
  expect(await notPassed(await withFixtures(false))).toEqual(Object.keys(notStateless).sort());
});

test.skipIf(!hasSuite)(
  'with sessions, our transport passes everything but being taken up again',
  async () => {
    expect(await notPassed(await withFixtures(true))).toEqual(Object.keys(notInSessions).sort());
  },
);
