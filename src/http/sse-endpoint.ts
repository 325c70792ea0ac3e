import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import type { Hono } from 'hono';
import { createMcpServer } from '../mcp/server.ts';
import type { HttpEnvironment, HttpOptions } from './environment.ts';
import { limitMessage } from './mcp-body.ts';
import { notAllowed, problem } from './problem.ts';

/** Clients that stay away from the newer transport and leave their streams open. */
const sessionsAtMost = 1000;
/** Proxies cut streams that are silent for a minute. */
const heartbeatMs = 25_000;

interface Session {
  readonly transport: SSEServerTransport;
  readonly owner: string | null;
}

/** MCP over HTTP with Server-Sent Events, for clients of the protocol before 2025-03-26. */
export function serveSse(app: Hono<HttpEnvironment>, options: HttpOptions): void {
  const { mcpServer = createMcpServer } = options;
  const sessions = new Map<string, Session>();

  app.get('/sse', async (c) => {
    // The framework takes HEAD for GET, and there is no stream without a body.
    if (c.req.method === 'HEAD') return notAllowed(c, 'GET');
    if (sessions.size >= sessionsAtMost)
      return problem(c, 503, 'too_many_streams', 'Too many streams are open. Use POST /mcp, or try later.');
    const { owner } = c.get('principal');
    const { outgoing } = c.env;
    // The transport answers past the framework, which sets this for all else.
    outgoing.setHeader('x-content-type-options', 'nosniff');
    const transport = new SSEServerTransport('/messages', outgoing);
    const server = mcpServer({ ...options, context: (call) => options.context({ ...call, owner }) });
    sessions.set(transport.sessionId, { transport, owner });
    const beating = setInterval(() => outgoing.write(': \n\n'), heartbeatMs);
    const end = () => outgoing.end();
    options.ending.addEventListener('abort', end, { once: true });
    outgoing.once('close', () => {
      clearInterval(beating);
      options.ending.removeEventListener('abort', end);
      sessions.delete(transport.sessionId);
      void server.close();
    });
    await server.connect(transport);
    return RESPONSE_ALREADY_SENT;
  });

  app.post('/messages', limitMessage, async (c) => {
    const session = sessions.get(c.req.query('sessionId') ?? '');
    // Another's session is as unknown as none.
    if (session === undefined || session.owner !== c.get('principal').owner)
      return problem(c, 404, 'session_not_found', 'There is no such session; open one with GET /sse.');
    c.env.outgoing.setHeader('x-content-type-options', 'nosniff');
    await session.transport.handlePostMessage(c.env.incoming, c.env.outgoing);
    return RESPONSE_ALREADY_SENT;
  });

  app.all('/sse', (c) => notAllowed(c, 'GET'));
  app.all('/messages', (c) => notAllowed(c, 'POST'));
}
