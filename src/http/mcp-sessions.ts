import { randomUUID } from 'node:crypto';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { Context, Hono } from 'hono';
import { onClose } from '../mcp/resources.ts';
import { createMcpServer } from '../mcp/server.ts';
import type { HttpEnvironment, HttpOptions } from './environment.ts';
import { limitMessage } from './mcp-body.ts';

/** Clients that have begun a session, and may have left without a word. */
const sessionsAtMost = 1000;
/** A session that nobody uses is over after so long, in milliseconds. */
const idleAtMostMs = 30 * 60_000;
/** Proxies cut streams that are silent for a minute. */
const heartbeatMs = 25_000;
const heartbeat = new TextEncoder().encode(': \n\n');

type Caller = Context<HttpEnvironment>;

interface Session {
  readonly transport: WebStandardStreamableHTTPServerTransport;
  readonly owner: string | null;
  /** As `performance.now()` has it. */
  usedAt: number;
  /** Open streams on which it is told of changes. */
  streams: number;
}

/**
 * MCP over Streamable HTTP with sessions, for clients that want to be told of changes: each has a server of its own,
 * which ends with this process.
 */
export function serveMcpSessions(
  app: Hono<HttpEnvironment>,
  options: HttpOptions,
  idleMs = idleAtMostMs,
): void {
  const sessions = new McpSessions(options, idleMs);
  app.on(['GET', 'POST', 'DELETE'], '/mcp', limitMessage, (c) => {
    const id = c.req.header('mcp-session-id');
    return id === undefined ? sessions.begin(c) : sessions.goOn(c, id);
  });
  app.all('/mcp', (c) =>
    c.json(errorOf(-32000, 'Method not allowed: there are POST, GET and DELETE.'), 405, {
      allow: 'GET, POST, DELETE',
    }),
  );
}

/** The sessions of a process. Each belongs to the owner whose token has begun it. */
class McpSessions {
  readonly #options: HttpOptions;
  readonly #sessions = new Map<string, Session>();

  constructor(options: HttpOptions, idleMs: number) {
    this.#options = options;
    const sweeping = setInterval(() => {
      const since = performance.now() - idleMs;
      this.#close(({ streams, usedAt }) => streams === 0 && usedAt < since);
    }, idleMs / 10).unref();
    const end = () => {
      clearInterval(sweeping);
      this.#close(() => true);
    };
    options.ending.addEventListener('abort', end, { once: true });
  }

  async begin(c: Caller): Promise<Response> {
    if (this.#sessions.size >= sessionsAtMost)
      return refused(c, 503, -32000, 'Too many sessions are open. Try later.');
    const { owner } = c.get('principal');
    const { mcpServer = createMcpServer, ...options } = this.#options;
    const server = mcpServer({ ...options, context: (call) => options.context({ ...call, owner }) });
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) =>
        void this.#sessions.set(id, { transport, owner, usedAt: performance.now(), streams: 0 }),
    });
    await server.connect(transport);
    onClose(server, () => this.#sessions.delete(transport.sessionId ?? ''));
    const response = await transport.handleRequest(c.req.raw);
    // What does not begin a session is refused, and nobody comes back for it.
    if (transport.sessionId === undefined) await server.close();
    return response;
  }

  async goOn(c: Caller, id: string): Promise<Response> {
    const session = this.#sessions.get(id);
    // Another's session is as unknown as none.
    if (session === undefined || session.owner !== c.get('principal').owner)
      return refused(c, 404, -32001, 'There is no such session; begin one with initialize.');
    session.usedAt = performance.now();
    const response = await session.transport.handleRequest(c.req.raw);
    return c.req.method === 'GET' && response.ok ? listening(response, session, c.req.raw.signal) : response;
  }

  #close(which: (session: Session) => boolean): void {
    for (const session of this.#sessions.values()) if (which(session)) void session.transport.close();
  }
}

/** The stream on which a client is told of changes: it keeps its session, and is heard of now and then. */
function listening(response: Response, session: Session, signal: AbortSignal): Response {
  if (response.body === null) return response;
  session.streams += 1;
  let beating: NodeJS.Timeout | undefined;
  const end = () => {
    if (beating === undefined) return;
    clearInterval(beating);
    beating = undefined;
    session.streams -= 1;
    session.usedAt = performance.now();
  };
  signal.addEventListener('abort', end, { once: true });
  const through = new TransformStream<Uint8Array, Uint8Array>({
    start(controller) {
      beating = setInterval(() => controller.enqueue(heartbeat), heartbeatMs);
    },
    flush: end,
  });
  return new Response(response.body.pipeThrough(through), response);
}

const errorOf = (code: number, message: string) => ({ jsonrpc: '2.0', error: { code, message }, id: null });

const refused = (c: Context, status: 404 | 503, code: number, message: string) =>
  c.json(errorOf(code, message), status);
