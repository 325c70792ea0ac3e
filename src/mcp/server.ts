import { fileURLToPath } from 'node:url';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  CallToolRequestParamsSchema,
  CallToolRequestSchema,
  type CallToolResult,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListToolsRequestSchema,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { nearest } from '../domain/nearest.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { visibleText, visibleValue } from '../domain/visible-text.ts';
import { checkInput } from '../operations/check-input.ts';
import type { OperationContext, ProgressReport } from '../operations/context.ts';
import { describeError } from '../operations/describe-error.ts';
import type { Operation } from '../operations/operation.ts';
import { batchViewOf } from './batch-view.ts';
import { serveCompletions } from './completions.ts';
import { instructionsWith } from './instructions.ts';
import { getPrompt, prompts } from './prompts.ts';
import { serveResources } from './resources.ts';
import { toTool } from './tools.ts';

/** How long a client may take to tell its folders, in milliseconds. */
const rootsPatienceMs = 2000;

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** What one request brings along. */
export interface McpCall extends Pick<OperationContext, 'signal' | 'progress'> {
  /** Folders the client has opened to its servers. */
  readonly roots?: () => Promise<readonly string[]>;
}

export interface McpServerOptions {
  readonly version: string;
  readonly operations: readonly Operation[];
  /** What an operation may use, for one call. */
  readonly context: (call: McpCall) => OperationContext;
  readonly onUnexpected: (error: unknown, where: string) => void;
  /** Whether the connection lasts long enough to tell of changes; default: it does. */
  readonly subscriptions?: boolean;
  /** How a person runs this installation's commands; undefined: the person is elsewhere. */
  readonly terminalCommand?: string;
  /** The view of a batch job for hosts that show views in the chat, as HTML; undefined: there is none. */
  readonly batchView?: string | undefined;
}

/** Some clients send null where they have no arguments. */
const callRequest = CallToolRequestSchema.extend({
  params: CallToolRequestParamsSchema.extend({
    arguments: z
      .unknown()
      .transform((given) => given ?? undefined)
      .optional(),
  }),
});

/**
 * An MCP server that offers every operation as a tool. One for each connection, whose
 * subscriptions are all the state it holds.
 *
 * Built on the protocol-level `Server` so that the words of a refusal are Sluice's own.
 */
export function createMcpServer(options: McpServerOptions): Server {
  const { subscriptions = true } = options;
  const server = new Server(
    { name: 'sluice', title: 'Sluice', version: options.version },
    {
      capabilities: {
        tools: {},
        resources: subscriptions ? { subscribe: true } : {},
        prompts: {},
        completions: {},
      },
      instructions: instructionsWith(options.terminalCommand),
    },
  );
  const view = batchViewOf(options.batchView);
  const listed = options.operations.map(toTool);
  const tools = view === undefined ? listed : listed.map(view.linked);

  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
  server.setRequestHandler(callRequest, ({ params }, extra) =>
    callTool(options, params.name, params.arguments, { ...callOf(extra), roots: () => clientRoots(server) }),
  );
  server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: [...prompts] }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => getPrompt(params.name, params.arguments));
  const { onUnexpected } = options;
  const asking = { context: (signal: AbortSignal) => options.context({ signal }), onUnexpected };
  serveResources(server, asking, { subscriptions, view });
  serveCompletions(server, asking);
  return server;
}

async function callTool(
  options: McpServerOptions,
  name: string,
  given: unknown,
  call: McpCall,
): Promise<CallToolResult> {
  try {
    const operation = findOperation(options.operations, name);
    const input = checkInput(operation, given);
    const output = visibleValue(operation.output.parse(await operation.run(options.context(call), input)));
    // Hosts show the model one half or the other, so both hold everything.
    return {
      structuredContent: output as Record<string, unknown>,
      content: [{ type: 'text', text: JSON.stringify(output) }],
    };
  } catch (error) {
    if (!(error instanceof SluiceError)) options.onUnexpected(error, name);
    const { code, message } = describeError(error);
    return { isError: true, content: [{ type: 'text', text: `${visibleText(message)} [${code}]` }] };
  }
}

function findOperation(operations: readonly Operation[], name: string): Operation {
  const operation = operations.find((candidate) => candidate.name === name);
  if (operation !== undefined) return operation;
  const names = operations.map((candidate) => candidate.name);
  const guess = nearest(name, names);
  const advice = guess === undefined ? `The tools are ${names.join(', ')}.` : `Did you mean ${guess}?`;
  throw new SluiceError('invalid_input', `There is no tool ${name.slice(0, 60)}. ${advice}`);
}

const callOf = (extra: Extra) => ({ signal: extra.signal, progress: progressOf(extra) });

/** Folders, for clients that tell; a client that does not answer has opened none. */
async function clientRoots(server: Server): Promise<readonly string[]> {
  if (server.getClientCapabilities()?.roots === undefined) return [];
  try {
    const { roots } = await server.listRoots(undefined, { timeout: rootsPatienceMs });
    return roots.flatMap(({ uri }) => folderAt(uri) ?? []);
  } catch {
    return [];
  }
}

/** undefined: it is no folder of this machine. */
function folderAt(uri: string): string | undefined {
  try {
    return uri.startsWith('file:') ? fileURLToPath(uri) : undefined;
  } catch {
    return undefined;
  }
}

/** Sends progress only to callers who asked for it. */
function progressOf(extra: Extra): ((report: ProgressReport) => void) | undefined {
  const progressToken = extra._meta?.progressToken;
  if (progressToken === undefined) return undefined;
  let step = 0;
  return ({ done, total, message }) => {
    // Progress must grow with every notification; records of a running intake need not.
    step = Math.max(step + 1e-6, done);
    const params = { progressToken, progress: step, total: Math.max(total, step), message };
    extra.sendNotification({ method: 'notifications/progress', params }).catch(() => {});
  };
}
