import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { probeConnector } from '../../src/connectors/probe-connector.ts';
import { type Mode, startTarget, status } from '../support/target.ts';
import { server } from './open-mcp.ts';

function probe(declared: object, env: Record<string, string> = { CRM_TOKEN: 'S3CR3T-1' }) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-probe-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'connectors.yaml'), JSON.stringify({ crm: declared }));
  const options = { folder, env, secretsFile: join(folder, 'none'), allowPrivateHosts: false };
  return probeConnector(options, 'crm', new AbortController().signal);
}

async function targetThat(answer: () => Mode) {
  const target = await startTarget({ answer });
  onTestFinished(() => target.close());
  return target;
}

const bearer = { type: 'bearer', token_env: 'CRM_TOKEN' };
const http = (base_url: string, more = {}) => ({
  type: 'http',
  base_url,
  allow_private: true,
  auth: bearer,
  ...more,
});

test.each([
  [200, 'answered', /answered 200 to GET \/\.$/],
  [404, 'answered', /answered 404 .* can be reached/],
  [503, 'answered', /answered 503/],
  [401, 'refused', /the target refuses the credentials/],
  [403, 'refused', /the target refuses the credentials/],
])('a target that answers %d is told as %s', async (code, state, words) => {
  const target = await targetThat(() => status(code));

  const found = await probe(http(`${target.url}/v2`));

  expect(found).toMatchObject({ state, text: expect.stringMatching(words) });
  expect(target.hits).toMatchObject([
    { method: 'GET', path: '/v2/', headers: { authorization: 'Bearer S3CR3T-1' } },
  ]);
});

test('a target that is not there, or hangs up, is unreachable', async () => {
  const gone = await startTarget();
  await gone.close();
  const rude = await targetThat(() => ({ kind: 'reset' }));

  expect(await probe(http(gone.url))).toEqual({ state: 'unreachable', text: 'crm refused the connection.' });
  expect(await probe(http(rude.url))).toMatchObject({ state: 'unreachable' });
});

test('a private address is not called unless the connector allows it', async () => {
  const target = await targetThat(() => status(200));

  const found = await probe(http(target.url, { allow_private: false }));

  expect(found).toMatchObject({ state: 'not_ready', text: expect.stringContaining('allow_private: true') });
  expect(target.hits).toEqual([]);
});

test('a connector whose secret is not set is not called', async () => {
  const target = await targetThat(() => status(200));

  expect(await probe(http(target.url), {})).toMatchObject({
    state: 'not_ready',
    text: expect.stringContaining('CRM_TOKEN'),
  });
  expect(target.hits).toEqual([]);
});

test('of an MCP server the tools are named, and it is ended', async () => {
  const found = await probe({ type: 'mcp', ...server('crm.mjs') });

  expect(found).toMatchObject({
    state: 'answered',
    text: expect.stringMatching(/^crm answered; it has \d+ tools?\.$/),
  });
  expect(found.tools?.length).toBeGreaterThan(1);
});

test('a program that is no MCP server says what it said last', async () => {
  const args = ['-e', 'console.error("no key: S3CR3T-1"); process.exit(3)'];

  const found = await probe({ type: 'mcp', command: process.execPath, args, env: ['CRM_TOKEN'] });

  expect(found).toMatchObject({ state: 'unreachable', text: 'crm ended while it started.' });
  expect(found.untrusted).toBe('no key: [secret]');
  expect(await probe({ type: 'mcp', command: 'no-such-program-here' })).toMatchObject({
    state: 'unreachable',
    text: expect.stringContaining('command or folder is not there'),
  });
});
