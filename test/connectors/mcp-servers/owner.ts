// A process that owns an MCP server. It writes the ids of the server and of its child and the folder, and then: `stay`, or `end`.
import { resolve } from 'node:path';
import { openMcpConnector } from '../../../src/connectors/mcp-connector.ts';

const connector = openMcpConnector({
  settings: {
    type: 'mcp',
    name: 'crm',
    command: process.execPath,
    args: [resolve(import.meta.dirname, 'crm.mjs'), '--stubborn'],
    env: {},
    timeoutMs: 10_000,
    concurrency: 1,
  },
  variable: () => undefined,
  allowPrivateHosts: false,
  clientVersion: '1',
});
const call = { arguments: {}, step: 'send', signal: new AbortController().signal };
const server = (await connector.call({ ...call, tool: 'process' })) as unknown as {
  pid: number;
  cwd: string;
};
const child = (await connector.call({ ...call, tool: 'child' })) as { pid: number };
process.stdout.write(`${JSON.stringify({ pids: [server.pid, child.pid], cwd: server.cwd })}\n`);
if (process.argv[2] === 'stay') setInterval(() => {}, 1_000);
