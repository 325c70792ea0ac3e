import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

export const root = resolve(import.meta.dirname, '../..');

/** Somebody with an empty folder and an empty home, whose programs see no other variable than these. */
export interface Stranger {
  readonly folder: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs a command in the folder to its end. Throws with what it said unless it ends with 0. */
  run(command: string, args: readonly string[], env?: Readonly<Record<string, string>>): string;
  /** Removes everything; `sluice stop` has to be run before. */
  leave(): void;
}

export function inviteStranger(): Stranger {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-stranger-'));
  const home = join(folder, 'home');
  mkdirSync(home);
  const { PATH = '' } = process.env;
  const env = { HOME: home, PATH };
  return {
    folder,
    home,
    env,
    run(command, args, more) {
      const { status, stdout, stderr, error } = spawnSync(command, [...args], {
        cwd: folder,
        env: { ...env, ...more },
        encoding: 'utf8',
      });
      if (status !== 0)
        throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`}`);
      return stdout;
    },
    leave: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface Server {
  readonly command: string;
  readonly args: string[];
  readonly env: Record<string, string>;
}

export async function connectTo(server: Server, cwd: string): Promise<Client> {
  const client = new Client({ name: 'stranger', version: '1' });
  await client.connect(new StdioClientTransport({ ...server, cwd, stderr: 'inherit' }));
  return client;
}

const flow = `flow: customers
description: Tidies up customers
target: { connector: echo }
mapping:
  name: source.name | trim | required
  email: source.email | lowercase | required
`;

/** The main job: a flow is written after a look at the reference, started over 1,000 rows, its ten failures looked at, corrected and retried. */
export async function importCustomers(client: Client, folder: string) {
  const file = join(folder, 'customers.csv');
  const rows = Array.from({ length: 1000 }, (_, n) => `Name ${n},${n % 100 === 7 ? '' : `${n}@example.com`}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, ['name,email', ...rows, ''].join('\n'));

  await call(client, 'get_flow_reference', { topic: 'mapping' });
  await call(client, 'save_flow', { text: flow });
  await call(client, 'start_batch', { flow_id: 'customers', source: { path: file } });
  const imported = await ended(client);
  const { groups } = await call(client, 'export_batch_errors', { batch_job_id: 'latest' });
  const patch = { set: { email: 'unknown@example.com' } };
  await call(client, 'retry_batch_failed_records', { batch_job_id: 'latest', patch });
  return { imported, groups, retried: await ended(client) };
}

async function ended(client: Client) {
  for (;;) {
    const status = await call(client, 'get_batch_status', { batch_job_id: 'latest', wait_seconds: 30 });
    if (status.finished) return status;
  }
}

export async function call(client: Client, name: string, args: object): Promise<Record<string, unknown>> {
  const result = (await client.callTool({ name, arguments: { ...args } })) as CallToolResult;
  if (result.isError) throw new Error(`${name}: ${JSON.stringify(result.content)}`);
  return result.structuredContent ?? {};
}

/** How the programs of this machine reach a registry. */
const waysOut = ['NODE_EXTRA_CA_CERTS', 'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'npm_config_registry'];

/** What npm needs to find again what this machine has fetched before, and to fetch the rest. */
export const npmOfThisMachine = {
  ...Object.fromEntries(
    waysOut.map((name) => [name, process.env[name] ?? '']).filter(([, value]) => value !== ''),
  ),
  npm_config_cache: spawnSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).stdout.trim(),
  npm_config_prefer_offline: 'true',
  npm_config_fetch_retries: '0',
};

/** The commands of a section of the install notes that want a clone or a package. */
export function writtenCommands(section: string): string {
  const notes = readFileSync(join(root, 'docs/install.md'), 'utf8');
  const text = notes.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...text.matchAll(/^```sh clone\n([\s\S]*?)^```$/gm)].map(([, lines]) => lines).join('');
}
