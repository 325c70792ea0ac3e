import { resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import type { McpCall, McpConnector } from '../../src/connectors/mcp.ts';
import { openMcpConnector } from '../../src/connectors/mcp-connector.ts';
import type { McpConnectorOptions } from '../../src/connectors/mcp-settings.ts';
import { Secret } from '../../src/connectors/secret.ts';
import { type Failure, RecordFailure } from '../../src/domain/failure.ts';
import type { JsonObject, JsonValue } from '../../src/domain/json.ts';

const limits = { type: 'mcp', name: 'crm', timeoutMs: 10_000, concurrency: 50 } as const;

/** Arguments that start one of the test's servers. */
export function server(file: string, ...args: string[]): { command: string; args: string[] } {
  return { command: process.execPath, args: [resolve(import.meta.dirname, 'mcp-servers', file), ...args] };
}

export interface McpUnderTest extends McpConnector {
  /** A call of a tool, in short. */
  use(tool: string, input?: JsonObject, given?: Partial<McpCall>): Promise<JsonValue>;
  close(): Promise<void>;
}

/** A connector named `crm` to a server of the test, closed when the test ends, or `whenOver`. */
export function openMcp(
  target:
    | { command: string; args: string[]; env?: Record<string, string>; cwd?: string }
    | { url: string; allowPrivate?: boolean },
  given: {
    settings?: {
      timeoutMs?: number;
      concurrency?: number;
      headers?: Record<string, string>;
      retryLostAnswers?: false;
    };
    variables?: Record<string, string>;
  } & Partial<Omit<McpConnectorOptions, 'settings'>> = {},
  whenOver: (close: () => Promise<void>) => void = onTestFinished,
): McpUnderTest {
  const { settings, variables = {}, ...options } = given;
  const where = 'url' in target ? { headers: {}, allowPrivate: true, ...target } : { env: {}, ...target };
  const connector = openMcpConnector({
    variable: (name) => (variables[name] === undefined ? undefined : new Secret(variables[name])),
    allowPrivateHosts: false,
    clientVersion: '1.2.3',
    ...options,
    settings: { ...limits, ...where, ...settings },
  });
  whenOver(() => connector.close());
  const use: McpUnderTest['use'] = (tool, input = {}, more = {}) =>
    connector.call({ tool, arguments: input, step: 'send', signal: new AbortController().signal, ...more });
  return { ...connector, use };
}

/** The failure a call ends with. */
export async function failureOf(call: Promise<JsonValue>): Promise<Failure> {
  const error = await call.then(
    (result) => new Error(`gave ${JSON.stringify(result)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof RecordFailure) return error.failure;
  throw error;
}

/** Whether a process is there; a zombie is not. */
export async function isAlive(pid: number): Promise<boolean> {
  const { readFile } = await import('node:fs/promises');
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat !== undefined) return !/\) Z /.test(stat);
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux';
  } catch {
    return false;
  }
}
