import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { Hono } from 'hono';
import { createMcpServer } from '../mcp/server.ts';
import type { HttpEnvironment, HttpOptions } from './environment.ts';
import { limitMessage } from './mcp-body.ts';

/**
 * MCP over Streamable HTTP, without sessions: every request has a server and a transport of its own, so nothing
 * is shared between clients and nothing is lost when the process starts again.
 */
export function serveMcp(app: Hono<HttpEnvironment>, options: HttpOptions): void {
  const { mcpServer = createMcpServer } = options;
  app.post('/mcp', limitMessage, async (c) => {
    const { owner } = c.get('principal');
    const server = mcpServer({
      ...options,
      context: (call) => options.context({ ...call, owner }),
      subscriptions: false,
    });
    const transport = new WebStandardStreamableHTTPServerTransport({});
    const close = () => void server.close();
    await server.connect(transport);
    c.req.raw.signal.addEventListener('abort', close, { once: true });
    return closing(await transport.handleRequest(c.req.raw), close);
  });
  app.all('/mcp', (c) =>
    c.json(
      {
        jsonrpc: '2.0',
        error: { code: -32000, message: 'Method not allowed: there are no sessions, only POST.' },
        id: null,
      },
      405,
      { allow: 'POST' },
    ),
  );
}

/** The same answer, with something to do when it has gone out. */
function closing(response: Response, close: () => void): Response {
  if (response.body === null) {
    close();
    return response;
  }
  const body = response.body.pipeThrough(new TransformStream({ flush: close }));
  return new Response(body, response);
}
