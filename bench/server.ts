import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { mainFile } from './built.ts';
import type { Ending, Undo } from './ending.ts';

/** A running `sluice mcp`, as a chat client sees it. */
export interface Server {
  readonly pid: number;
  listTools(): Promise<number>;
  /** The structured answer of a tool; throws what the tool refused with. */
  call(tool: string, input: Record<string, unknown>): Promise<Record<string, unknown>>;
  readonly stop: Undo;
}

/** Starts the built server over stdio and initializes it. */
export async function startServer(ending: Ending, environment: Record<string, string>): Promise<Server> {
  const client = new Client({ name: 'sluice-bench', version: '1.0.0' });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [fileURLToPath(mainFile), 'mcp'],
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...environment },
    stderr: 'inherit',
  });
  const stop = ending.add(() => client.close());
  await client.connect(transport);
  return {
    pid: transport.pid ?? Number.NaN,
    listTools: async () => (await client.listTools()).tools.length,
    async call(name, input) {
      const answer = await client.callTool({ name, arguments: input });
      if (answer.isError === true) throw new Error(`${name} refused: ${JSON.stringify(answer.content)}`);
      return answer.structuredContent as Record<string, unknown>;
    },
    stop,
  };
}
