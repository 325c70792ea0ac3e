import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mcpConfig } from '../../src/cli/mcp-config.ts';
import { builtServer } from '../support/built-server.ts';
import { blocks, commands, configuration, installNotes, link, root } from './install-notes.ts';

/** What every client starts, as the notes have it. */
const server = { command: 'npx', args: ['-y', 'sluice-mcp', 'mcp'] };

const scratch = mkdtempSync(join(tmpdir(), 'sluice-notes-'));
const env = { PATH: `${scratch}/bin:${process.env.PATH}`, HOME: join(scratch, 'home') };

/** A folder with the command `sluice`, and with the package where `npx` finds it. */
beforeAll(async () => {
  const main = await builtServer();
  chmodSync(scratch, 0o711);
  for (const folder of ['bin', 'home', 'node_modules/.bin'])
    mkdirSync(join(scratch, folder), { recursive: true });
  writeFileSync(join(scratch, 'bin/sluice'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
  chmodSync(join(scratch, 'bin/sluice'), 0o755);
  symlinkSync(root, join(scratch, 'node_modules/sluice-mcp'));
  symlinkSync(join(scratch, 'bin/sluice'), join(scratch, 'node_modules/.bin/sluice'));
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('every command says who can run it', () => {
  const kinds = [...installNotes.matchAll(/^```(.+)$/gm)].map(([, info]) => info);

  expect([...new Set(kinds)].sort()).toEqual([
    'json claude-desktop',
    'json cursor',
    'json vscode',
    'sh clone',
    'sh elsewhere',
    'sh run',
  ]);
});

test('what the notes say of the command sluice runs as written', async () => {
  const { code, stdout, stderr } = await runScript(blocks('sh run').join(''));

  expect(stderr).not.toContain('sluice:');
  expect(stdout).toMatch(/ok +database/);
  expect(stdout).toContain('"mcpServers"');
  expect(stdout).toContain('The embedded database has stopped.');
  expect(code).toBe(0);
}, 90_000);

test('the configuration of the notes starts a server that a client can use', async () => {
  const client = new Client({ name: 'notes', version: '1' });

  await client.connect(new StdioClientTransport({ ...server, env, cwd: scratch, stderr: 'ignore' }));
  const { tools } = await client.listTools();
  await client.close();

  expect(tools.map(({ name }) => name)).toContain('start_batch');
});

test('all clients are told the same', () => {
  const stdio = { type: 'stdio', ...server };
  const added = commands('sh elsewhere').find((line) => line.startsWith('code --add-mcp')) ?? '';
  const badge = link('Install in Cursor').searchParams.get('config') ?? '';

  expect(configuration('claude-desktop')).toEqual({ mcpServers: { sluice: server } });
  expect(configuration('cursor')).toEqual({ mcpServers: { sluice: server } });
  expect(configuration('vscode')).toEqual({ servers: { sluice: stdio } });
  expect(JSON.parse(added.split("'")[1] ?? '')).toEqual({ name: 'sluice', ...stdio });
  expect(commands('sh elsewhere')).toContain('claude mcp add sluice -- npx -y sluice-mcp mcp');
  expect(JSON.parse(link('Install in VS Code').searchParams.get('config') ?? '')).toEqual(stdio);
  expect(JSON.parse(Buffer.from(badge, 'base64').toString())).toEqual(server);
});

test.each(['claude-desktop', 'cursor', 'vscode'])(
  'mcp-config prints for %s what the notes show',
  async (client) => {
    const printed = await printedFor(client);

    expect(JSON.parse(printed.replace('"env":{}', '"env":null'))).toEqual(
      JSON.parse(JSON.stringify(configuration(client)), (key, value) =>
        key === 'sluice' ? { ...value, command: '/node', args: ['/main.js', 'mcp'], env: null } : value,
      ),
    );
  },
);

async function printedFor(client: string): Promise<string> {
  const installation = { node: '/node', main: '/main.js', env: {} };
  const call = { options: { client }, json: true };
  const { json } = await mcpConfig.run({ installation } as never, call as never);
  return JSON.stringify(json);
}

async function runScript(script: string) {
  const child = spawn('sh', ['-e'], { cwd: scratch, env, stdio: 'pipe' });
  child.stdin.end(script);
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout, stderr };
}
