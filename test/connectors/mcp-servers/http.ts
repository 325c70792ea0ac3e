import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  isInitializeRequest,
  ListToolsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

/** A request as it arrived, with its JSON-RPC message. */
export interface Hit {
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly message: { readonly method?: string; readonly id?: number };
}

export interface HttpServerOptions {
  /** Answers in JSON instead of streams. */
  readonly json?: boolean;
  /** Takes a request before the server does; true: it has been answered. */
  readonly odd?: (hit: Hit, response: ServerResponse, request: IncomingMessage) => boolean;
}

type Tools = Record<string, (input: Record<string, unknown>) => object | Promise<object>>;

/** An MCP server on loopback, by the SDK. */
export async function startHttpServer({ json = false, odd = () => false }: HttpServerOptions = {}) {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const hits: Hit[] = [];
  const tools: Tools = {
    create_customer: (input) => ({ ...input }),
    pause: (input) => new Promise((resolve) => setTimeout(() => resolve({}), Number(input.ms))),
    many_bytes: ({ bytes }) => ({ filler: 'x'.repeat(Number(bytes)) }),
  };

  const opened = async () => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: json,
      onsessioninitialized: (id) => void sessions.set(id, transport),
      onsessionclosed: (id) => void sessions.delete(id),
    });
    // The SDK's own type of transports is stricter than its class.
    await crm(tools).connect(transport as Parameters<Server['connect']>[0]);
    return transport;
  };

  const http = createServer(async (request, response) => {
    const text = (await request.toArray()).join('');
    const message = text === '' ? {} : JSON.parse(text);
    const hit = { method: request.method ?? '', headers: request.headers, message };
    hits.push(hit);
    if (odd(hit, response, request)) return;
    const id = request.headers['mcp-session-id'];
    const transport =
      typeof id === 'string' ? sessions.get(id) : isInitializeRequest(message) ? await opened() : undefined;
    if (transport === undefined) return void response.writeHead(404).end('no such session');
    await transport.handleRequest(request, response, message);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/mcp`,
    hits,
    sessions,
    calls: () => hits.filter(({ message }) => message.method === 'tools/call').length,
    async close() {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}

function crm(tools: Tools): Server {
  const server = new Server({ name: 'crm', version: '1' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' as const } })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }): Promise<CallToolResult> => {
    const structuredContent = (await tools[params.name]?.(params.arguments ?? {})) as Record<string, unknown>;
    return { content: [], structuredContent };
  });
  return server;
}
