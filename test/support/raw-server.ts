import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { builtServer } from './built-server.ts';
import { environmentOf, type SluiceSettings } from './sluice-process.ts';

/** A `sluice mcp` whose stdin and stdout a test holds itself. */
export interface RawServer {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  /** Every line of stdout so far. */
  readonly lines: readonly string[];
  write(text: string): void;
  /** Sends a request and resolves with the answer that has its id. */
  ask(id: number, method: string, params?: object): Promise<Record<string, unknown>>;
  initialize(): Promise<void>;
  /** Resolves with the exit code when the process is gone and its stdout is closed. */
  readonly exited: Promise<number | null>;
}

export async function startRawServer(settings: SluiceSettings): Promise<RawServer> {
  return follow(await spawnServer(settings, process.execPath, []));
}

/** The server as the child of a shell that stays until it is killed. */
export async function startRawServerUnderShell(settings: SluiceSettings): Promise<RawServer> {
  // A shell gives what runs in its background an empty stdin unless told otherwise.
  const script = 'exec 3<&0; "$0" "$@" <&3 3<&- & wait';
  return follow(await spawnServer(settings, 'sh', ['-c', script, process.execPath]));
}

async function spawnServer(settings: SluiceSettings, command: string, args: readonly string[]) {
  return spawn(command, [...args, await builtServer(), 'mcp'], {
    env: environmentOf(settings),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

function follow(child: ChildProcessByStdio<Writable, Readable, null>): RawServer {
  const lines: string[] = [];
  const waiting = new Map<unknown, (answer: Record<string, unknown>) => void>();
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    const message = JSON.parse(line) as Record<string, unknown>;
    waiting.get(message.id)?.(message);
  });
  child.stdin.on('error', () => {});
  const write = (text: string) => void child.stdin.write(text);
  const ask: RawServer['ask'] = (id, method, params = {}) => {
    const answered = new Promise<Record<string, unknown>>((resolve) => waiting.set(id, resolve));
    write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    return answered;
  };
  return {
    child,
    lines,
    write,
    ask,
    async initialize() {
      const clientInfo = { name: 'raw', version: '1' };
      await ask(0, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
      write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
    },
    exited: new Promise((resolve) => child.once('close', resolve)),
  };
}
