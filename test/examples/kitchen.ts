import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { assemble } from '../../src/assemble.ts';
import { readConfig } from '../../src/config.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { createMcpServer } from '../../src/mcp/server.ts';
import { operations } from '../../src/operations/operations.ts';
import type { DatabaseAddress } from '../../src/store/database.ts';
import { urlOf } from '../support/database.ts';
import { quietLog } from '../support/engine.ts';
import { connectorsWith, files, secrets, sections, textOf } from './recipes.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by what a test expects of them
type Answer = any;

export interface Kitchen {
  call(tool: string, input?: object): Promise<Answer>;
  /** Makes the call that the page shows for a recipe, over a file with these contents, and waits for the end. */
  cook(recipe: number, contents: string, more?: object): Promise<Answer>;
  /** Waits until the latest job has finished. */
  finished(): Promise<Answer>;
  close(): Promise<void>;
}

export interface KitchenOptions {
  readonly address: DatabaseAddress;
  /** What is another in connectors.yaml. */
  readonly connectors?: Readonly<Record<string, JsonObject>>;
  /** Variables besides the secrets of the recipes. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Changes the text of a recipe. */
  readonly edit?: (file: string, text: string) => string;
  /** Further settings, as Sluice reads them from its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A whole Sluice with the recipes in its flows folder, and a client that calls its tools. */
export async function openKitchen(options: KitchenOptions): Promise<Kitchen> {
  const { address, connectors = {}, variables = {}, edit = (_, text) => text, env = {} } = options;
  const home = mkdtempSync(join(tmpdir(), 'sluice-kitchen-'));
  const flows = join(home, 'flows');
  mkdirSync(flows);
  for (const file of files) writeFileSync(join(flows, file), edit(file, textOf(file)));
  writeFileSync(join(flows, 'connectors.yaml'), connectorsWith(connectors));
  const lines = Object.entries({ ...secrets, ...variables }).map(([name, value]) => `${name}="${value}"\n`);
  writeFileSync(join(home, 'secrets.env'), lines.join(''), { mode: 0o600 });

  const config = readConfig({
    DATABASE_URL: urlOf(address),
    SLUICE_HOME: home,
    SLUICE_FILES: home,
    SLUICE_ALLOW_PRIVATE_HOSTS: 'on',
    SLUICE_BACKGROUND: 'off',
    ...env,
  });
  const sluice = assemble(config, quietLog);
  const server = createMcpServer({
    version: '0.0.0',
    operations,
    context: (call) => sluice.context(call),
    onUnexpected: (error) => console.error(error),
  });
  const client = new Client({ name: 'test', version: '0' });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(ours), client.connect(theirs)]);

  const call = async (tool: string, input: object = {}): Promise<Answer> => {
    const result = (await client.callTool({ name: tool, arguments: { ...input } })) as CallToolResult;
    const [text] = result.content;
    if (result.isError) throw new Error(text?.type === 'text' ? text.text : 'no text');
    return result.structuredContent;
  };
  const finished = async () => {
    for (;;) {
      const answer: Answer = await call('get_batch_status', { batch_job_id: 'latest', wait_seconds: 10 });
      if (answer.finished) return answer;
      if (answer.waiting_for?.kind === 'connector') throw new Error(answer.waiting_for.text);
    }
  };
  return {
    call,
    finished,
    async cook(recipe, contents, more = {}) {
      const shown = callOf(recipe);
      const path = join(home, basename(shown.source.path));
      writeFileSync(path, contents);
      await call('start_batch', { ...shown, source: { path }, ...more });
      return finished();
    },
    async close() {
      await client.close();
      await sluice.close(0);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** The call of start_batch that the page shows. */
function callOf(recipe: number): { source: { path: string } } {
  const section = sections.find(({ title }) => title.startsWith(`${recipe}. `));
  const block = section?.blocks.find(({ info }) => info === 'json tool=start_batch');
  return JSON.parse(block?.text ?? '') as { source: { path: string } };
}
