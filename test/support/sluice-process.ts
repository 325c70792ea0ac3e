import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { RecordCounts } from '../../src/domain/job.ts';
import { builtServer } from './built-server.ts';

export interface SluiceSettings {
  readonly home: string;
  /** Absent: the embedded database of the home. */
  readonly databaseUrl?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a tool answered, as far as the fault tests look at it. */
export interface Answer {
  readonly batch_job_id: string;
  readonly status: string;
  readonly finished: boolean;
  readonly total: number;
  readonly counts: RecordCounts;
  readonly failed_now: number;
  readonly selected: number;
  readonly jobs: readonly Answer[];
}

/** A `sluice mcp` with a client of its own. */
export interface SluiceProcess {
  readonly client: Client;
  readonly pid: number;
  /** Resolves when the process is gone, for whatever reason. */
  readonly exited: Promise<void>;
  /** What it has written to stderr. */
  readonly stderr: string;
  /** The structured answer of a tool; rejects with the text of a refusal, or when the process goes away. */
  call(tool: string, args?: Record<string, unknown>): Promise<Answer>;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** Ends stdin, as a client that closes does. Resolves when the process is gone. */
  close(): Promise<void>;
}

/** The environment of a server under test, and of nothing else. */
export function environmentOf({ home, databaseUrl, env }: SluiceSettings): Record<string, string> {
  return {
    ...getDefaultEnvironment(),
    SLUICE_HOME: home,
    SLUICE_FLOWS: join(home, 'flows'),
    SLUICE_FILES: home,
    SLUICE_BACKGROUND: 'off',
    SLUICE_LEASE_SECONDS: '1',
    SLUICE_LOG_LEVEL: 'warn',
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...env,
  };
}

/** Starts the built server and connects to it over stdio. */
export async function startSluice(settings: SluiceSettings): Promise<SluiceProcess> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [await builtServer(), 'mcp'],
    env: environmentOf(settings),
    stderr: 'pipe',
  });
  let stderr = '';
  transport.stderr?.on('data', (piece: Buffer) => {
    stderr += piece.toString();
  });

  const client = new Client({ name: 'fault-test', version: '1' });
  let gone = false;
  const exited = new Promise<void>((resolve) => {
    client.onclose = () => {
      gone = true;
      resolve();
    };
  });
  await client.connect(transport);
  const { pid } = transport;
  if (pid === null) throw new Error(`The server did not start: ${stderr}`);

  const signal = (name: NodeJS.Signals) => {
    if (!gone) process.kill(pid, name);
  };
  return {
    client,
    pid,
    exited,
    get stderr() {
      return stderr;
    },
    async call(tool, args = {}) {
      const result = (await client.callTool({ name: tool, arguments: args })) as CallToolResult;
      const text = result.content.map((part) => (part.type === 'text' ? part.text : '')).join('\n');
      if (result.isError)
        throw new Error(`${text}\n${text.includes('[internal_error]') ? stderr : ''}`.trim());
      return result.structuredContent as unknown as Answer;
    },
    signal,
    async kill() {
      signal('SIGKILL');
      await exited;
    },
    close: () => client.close(),
  };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Processes of a home by what they run (`mcp`, `run`), also those that have detached themselves. Linux only. */
export function processesOf(home: string, command?: string): number[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => readProc(pid, 'environ').includes(`SLUICE_HOME=${home}`))
    .filter((pid) => command === undefined || readProc(pid, 'cmdline').includes(command))
    .map(Number);
}

/** Ends what is left of a home and waits until it is gone. */
export async function endProcessesOf(home: string): Promise<void> {
  for (const pid of processesOf(home)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  while (processesOf(home).length > 0) await sleep(20);
}

/** NUL-separated words; none of a process that has gone meanwhile. */
function readProc(pid: string, file: 'environ' | 'cmdline'): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
