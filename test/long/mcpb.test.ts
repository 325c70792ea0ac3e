import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, connectTo, importCustomers, inviteStranger, root, type Server } from './stranger.ts';

const tool = join(root, 'packaging/node_modules/@anthropic-ai/mcpb/dist');
const stranger = inviteStranger();
const extension = join(stranger.folder, 'extension');
let bundle: string;
let client: Client;

beforeAll(async () => {
  bundle = bundled();
  stranger.run(process.execPath, [join(tool, 'cli/cli.js'), 'unpack', bundle, extension]);
  loseModes(extension);
  client = await connectTo(await serverOf(extension), stranger.folder);
}, 300_000);

afterAll(async () => {
  await client?.close();
  stranger.run(process.execPath, [join(extension, 'dist/main.js'), 'stop']);
  stranger.leave();
});

test('the bundle is smaller than 30 MB and its manifest says where it runs', () => {
  const manifest = JSON.parse(readFileSync(join(extension, 'manifest.json'), 'utf8'));

  expect(statSync(bundle).size).toBeLessThan(30_000_000);
  expect(manifest.compatibility.platforms).toEqual([process.platform]);
  expect(stranger.run(process.execPath, [join(tool, 'cli/cli.js'), 'info', bundle])).toContain('Size');
});

test('the registry is told the digest of the bundle', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'build/server.json'), 'utf8'));

  const digest = createHash('sha256').update(readFileSync(bundle)).digest('hex');

  expect(packages).toMatchObject([
    { registryType: 'npm' },
    { registryType: 'mcpb', identifier: expect.stringContaining(basename(bundle)), fileSha256: digest },
  ]);
});

test('the unpacked bundle does the main job with an empty home, though its programs have lost their modes', async () => {
  const { imported, groups, retried } = await importCustomers(client, join(stranger.home, 'Downloads'));

  expect(imported).toMatchObject({ status: 'completed_with_errors', counts: { succeeded: 990, failed: 10 } });
  expect(groups).toMatchObject([{ count: 10 }]);
  expect(retried).toMatchObject({ status: 'completed', counts: { succeeded: 990, retried_success: 10 } });
});

test('a flow in code finds its builder and zod inside the bundle', async () => {
  const flows = join(stranger.home, '.local/share/sluice/flows');
  mkdirSync(flows, { recursive: true });
  writeFileSync(
    join(flows, 'doubled.mjs'),
    `import { defineFlow } from 'sluice-mcp';
import { z } from 'zod';
export default defineFlow({ id: 'doubled', description: 'Doubles', input: z.object({ n: z.number() }) })
  .step('double', (ctx) => ctx.payload.n * 2);`,
  );

  await call(client, 'start_batch', { flow_id: 'doubled', records: [{ n: 1 }, { n: 'two' }] });
  const status = await call(client, 'get_batch_status', { batch_job_id: 'latest', wait_seconds: 30 });

  expect(status).toMatchObject({ counts: { succeeded: 1, failed: 1 } });
});

/** Path of the bundle that the command of the install notes makes. */
function bundled(): string {
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'bundle'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`The bundle cannot be made:\n${stdout}${stderr}`);
  return stdout.trim().split('\n').at(-1) ?? '';
}

/** As an installer that unpacks without regard to modes. */
function loseModes(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644);
  }
}

/** What a host starts for somebody who has filled in nothing, by the rules of the tool's own makers. */
async function serverOf(extensionPath: string): Promise<Server> {
  const { getMcpConfigForManifest } = await import(join(tool, 'shared/config.js'));
  const manifest = JSON.parse(readFileSync(join(extensionPath, 'manifest.json'), 'utf8'));
  const { command, args, env } = await getMcpConfigForManifest({
    manifest,
    extensionPath,
    systemDirs: { HOME: stranger.home },
    pathSeparator: '/',
  });
  return { command, args, env: { ...stranger.env, ...env } };
}
