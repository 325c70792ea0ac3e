import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { z } from 'zod';

type Arguments = Record<string, unknown>;
type OnProgress = (done: number, total: number) => void;

/** `sluice mcp` as a chat client has it: a child process spoken to over its stdin and stdout. */
export class Sluice {
  readonly #client = new Client({ name: 'sluice-demo', version: '1.0.0' });
  readonly #mainFile: string;
  readonly #env: Record<string, string>;
  /** The end of what the server wrote to stderr. */
  log = '';

  constructor(mainFile: string, env: Record<string, string>) {
    this.#mainFile = mainFile;
    this.#env = { ...getDefaultEnvironment(), ...env };
  }

  /** Starts the server and returns the names of its tools. */
  async start(): Promise<string[]> {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [this.#mainFile, 'mcp'],
      env: this.#env,
      stderr: 'pipe',
    });
    transport.stderr?.on('data', (piece: Buffer) => {
      this.log = (this.log + piece.toString()).slice(-4000);
    });
    await this.#client.connect(transport);
    const { tools } = await this.#client.listTools();
    return tools.map(({ name }) => name);
  }

  /** Calls a tool and returns the structured half of its answer. */
  async call<S extends z.ZodType>(
    tool: string,
    input: Arguments,
    answer: S,
    onProgress?: OnProgress,
  ): Promise<z.infer<S>> {
    const options = onProgress && {
      onprogress: ({ progress, total }: { progress: number; total?: number | undefined }) =>
        onProgress(progress, total ?? progress),
    };
    const result = await this.#client.callTool({ name: tool, arguments: input }, undefined, options);
    if (result.isError === true) throw new Error(`${tool} refused: ${JSON.stringify(result.content)}`);
    return answer.parse(result.structuredContent);
  }

  /** Ends the server, then the database it started. */
  async stop(): Promise<void> {
    await this.#client.close();
    await promisify(execFile)(process.execPath, [this.#mainFile, 'stop'], {
      env: this.#env,
      timeout: 20_000,
    });
  }
}
