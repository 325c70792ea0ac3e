import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { RecordFailure } from '../domain/failure.ts';
import { watchAbort } from './abort-watch.ts';
import { foreignText } from './foreign-text.ts';
import { callFailure } from './mcp-failure.ts';
import { ServerDown } from './mcp-restarts.ts';
import { serverOf } from './mcp-server.ts';
import type { McpConnectorOptions } from './mcp-settings.ts';
import { listTools } from './mcp-tools.ts';

/** Enough for a package that is installed by the first start. */
const patienceMs = 60_000;
const namesAtMost = 200;

/**
 * Starts a server (or connects to it), asks for its tools, and ends it.
 *
 * @throws RecordFailure when there is no server to ask.
 */
export async function toolsOf(options: McpConnectorOptions, signal: AbortSignal): Promise<readonly string[]> {
  const server = serverOf(options);
  const transport = server.connect();
  const client = new Client({ name: 'sluice', version: options.clientVersion });
  const unwatch = watchAbort(signal, () => void transport.close());
  try {
    await client.connect(transport, { timeout: patienceMs });
    const names = [...((await listTools(client))?.keys() ?? [])];
    return names.slice(0, namesAtMost).map((name) => foreignText(server.scrub(name), 64) ?? '');
  } catch (cause) {
    const call = {
      connector: options.settings.name,
      tool: 'tools/list',
      step: 'probe',
      timeoutMs: patienceMs,
      scrub: server.scrub,
      leavesLost: false,
      ready: false,
      matters: false,
    };
    const end = { started: false, cause, lastWords: transport.lastWords };
    throw new RecordFailure(callFailure(call, new ServerDown(end, 0)));
  } finally {
    unwatch();
    await transport.close();
  }
}
