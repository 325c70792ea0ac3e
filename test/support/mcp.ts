import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { type CallToolResult, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { openRegistry } from '../../src/connectors/open-registry.ts';
import { Engine } from '../../src/engine/engine.ts';
import { openFetching } from '../../src/engine/fetch-file.ts';
import { openPreviews } from '../../src/engine/preview-flow.ts';
import { openReadiness } from '../../src/engine/readiness.ts';
import { openTrials } from '../../src/engine/try-flow.ts';
import { compileFlow } from '../../src/flows/compile-flow.ts';
import { openDrafts } from '../../src/flows/drafts.ts';
import { openFlowLibrary } from '../../src/flows/flow-library.ts';
import { createMcpServer } from '../../src/mcp/server.ts';
import { operations } from '../../src/operations/operations.ts';
import type { Database } from '../../src/store/database.ts';
import { quietLog } from './engine.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by what a test expects of them
type Answer = any;

export interface Connected {
  readonly client: Client;
  readonly folder: string;
  readonly engine: Engine;
  readonly unexpected: unknown[];
  /** The structured half of a tool's answer; throws the text of a refusal. */
  call(name: string, args?: Record<string, unknown>): Promise<Answer>;
  /** Calls get_batch_status until the job is finished, checking the counts each time. */
  finish(batchJobId: string): Promise<Answer>;
  /** Writes a file into the folder records may be read from. */
  write(name: string, text: string): string;
  close(): Promise<void>;
}

/** A real client joined to the real server over a stream in memory, with flows and files of its own. */
export async function connect(
  db: Database,
  flows: Record<string, string> = {},
  roots: readonly string[] = [],
): Promise<Connected> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-mcp-'));
  const write = (name: string, text: string) => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  };
  for (const [name, text] of Object.entries(flows)) write(join('flows', name), text);
  mkdirSync(join(folder, 'flows'), { recursive: true });

  const openConnectors = () =>
    openRegistry({
      folder: join(folder, 'flows'),
      env: { CRM_TOKEN: 'S3CR3T-token' },
      secretsFile: join(folder, 'secrets.env'),
      allowPrivateHosts: false,
    });
  const permissions = { allowCodeSteps: false, allowedVariables: undefined };
  const trials = { openConnectors, permissions, glob: async () => [] };
  const engine = new Engine({
    db,
    holder: folder,
    leaseMs: 15_000,
    maxRecordBytes: 1024 * 1024,
    compile(text, name) {
      const compiled = compileFlow(text, name);
      return 'flow' in compiled ? compiled.flow : undefined;
    },
    openConnectors,
    log: quietLog,
  });
  const library = openFlowLibrary(join(folder, 'flows'));
  const unexpected: unknown[] = [];
  const server = createMcpServer({
    version: '0.0.0',
    operations,
    batchView: '<!doctype html><title>Batch job</title>',
    context: (call) => ({
      open: async () => ({ db, engine, ensureStandby: async () => {} }),
      flows: library,
      drafts: openDrafts(join(folder, 'flows')),
      readiness: openReadiness(openConnectors, permissions),
      tryFlow: openTrials(trials),
      preview: openPreviews(trials),
      fetchFile: openFetching(openConnectors),
      files: async () => ({ folders: [folder, ...((await call.roots?.()) ?? [])], home: folder }),
      exportsFolder: join(folder, 'exports'),
      uploadsFolder: join(folder, 'uploads'),
      limits: {
        maxConcurrency: 50,
        maxRecordBytes: 1024 * 1024,
        leaseMs: 15_000,
        maxUploadBytes: 1024 * 1024,
        uploadQuotaBytes: 1024 * 1024,
        allowCodeSteps: false,
      },
      signal: call.signal,
      progress: call.progress,
    }),
    onUnexpected: (error) => unexpected.push(error),
  });
  const client = new Client(
    { name: 'test', version: '0' },
    { capabilities: roots.length === 0 ? {} : { roots: {} } },
  );
  if (roots.length > 0)
    client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: roots.map((uri) => ({ uri })) }));
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(ours), client.connect(theirs)]);

  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const result = (await client.callTool({ name, arguments: args })) as CallToolResult;
    const [text] = result.content;
    if (result.isError) throw new Error(text?.type === 'text' ? text.text : 'no text');
    return result.structuredContent;
  };
  return {
    client,
    folder,
    engine,
    unexpected,
    call,
    write,
    async finish(batchJobId) {
      for (;;) {
        const status: Answer = await call('get_batch_status', { batch_job_id: batchJobId, wait_seconds: 1 });
        const sum = Object.values<number>(status.counts).reduce((total, count) => total + count, 0);
        if (sum !== status.total)
          throw new Error(`counts ${JSON.stringify(status.counts)} are not ${status.total}`);
        if (status.finished) return status;
      }
    },
    async close() {
      await client.close();
      await engine.stop(0);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
