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
  /** Answers that are going out, the stream on which it is told of changes among them. */
  underWay: number;
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
      this.#close(({ underWay, usedAt }) => underWay === 0 && usedAt < since);
    }, idleMs / 10).unref();
    const end = () => {
      clearInterval(sweeping);
      this.#close(() => true);
    };
    options.ending.addEventListener('abort', end, { once: true });
  }

  async begin(c: Caller): Promise<Response> {
    const { owner } = c.get('principal');
    if (this.#sessions.size >= sessionsAtMost && !(await this.#makeRoom(owner)))
      return refused(c, 503, -32000, 'Too many sessions are open. Try later.');
    const { mcpServer = createMcpServer, ...options } = this.#options;
    const server = mcpServer({ ...options, context: (call) => options.context({ ...call, owner }) });
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) =>
        void this.#sessions.set(id, { transport, owner, usedAt: performance.now(), underWay: 0 }),
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
    const isListening = c.req.method === 'GET' && response.ok;
    return answering(response, session, c.req.raw.signal, isListening ? heartbeatMs : undefined);
  }

  /** Ends the session that was idle longest, of the owner who has most. Nobody makes those give way who have fewer. */
  async #makeRoom(owner: string | null): Promise<boolean> {
    const all = [...this.#sessions.values()];
    const counts = new Map<string | null, number>();
    const countOf = (of: string | null) => counts.get(of) ?? 0;
    for (const session of all) counts.set(session.owner, countOf(session.owner) + 1);
    const [first] = all
      .filter((session) => session.underWay === 0 && countOf(session.owner) >= countOf(owner))
      .sort((a, b) => countOf(b.owner) - countOf(a.owner) || a.usedAt - b.usedAt);
    await first?.transport.close();
    return first !== undefined;
  }

  #close(which: (session: Session) => boolean): void {
    for (const session of this.#sessions.values()) if (which(session)) void session.transport.close();
  }
}

/** The same answer, which keeps its session while it goes out; a stream of changes is heard of now and then. */
function answering(response: Response, session: Session, signal: AbortSignal, beatMs?: number): Response {
  if (response.body === null) return response;
  session.underWay += 1;
  let isOver = false;
  let beating: NodeJS.Timeout | undefined;
  const end = () => {
    if (isOver) return;
    isOver = true;
    clearInterval(beating);
    session.underWay -= 1;
    session.usedAt = performance.now();
  };
  signal.addEventListener('abort', end, { once: true });
  const through = new TransformStream<Uint8Array, Uint8Array>({
    start(controller) {
      if (beatMs !== undefined) beating = setInterval(() => controller.enqueue(heartbeat), beatMs);
    },
    flush: end,
  });
  return new Response(response.body.pipeThrough(through), response);
}

const errorOf = (code: number, message: string) => ({ jsonrpc: '2.0', error: { code, message }, id: null });

const refused = (c: Context, status: 404 | 503, code: number, message: string) =>
  c.json(errorOf(code, message), status);
