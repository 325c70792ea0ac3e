import type { McpTransport } from './mcp-messages.ts';
import { McpSession } from './mcp-session.ts';

const firstPauseMs = 100;
const longestPauseMs = 5_000;
/** For a server to answer a ping. */
const shortestPingMs = 1_000;
const longestPingMs = 10_000;
/** A server nobody has called for this long is ended; the next call starts it again. */
const idleEndMs = 300_000;

/** How a session came to nothing. */
export interface BadEnd {
  /** False: it did not even begin. */
  readonly started: boolean;
  /** What kept it from beginning. */
  readonly cause?: unknown;
  readonly lastWords: string;
}

/** There is no server to call: it did not start, or has ended without an answer again and again. */
export class ServerDown extends Error {
  override readonly name = 'ServerDown';
  readonly end: BadEnd;
  /** Until it is started again, in milliseconds. */
  readonly waitMs: number;

  constructor(end: BadEnd, waitMs: number) {
    super('the server is down');
    this.end = end;
    this.waitMs = Math.max(0, Math.ceil(waitMs));
  }
}

interface Opening {
  readonly session: McpSession;
  /** @throws ServerDown */
  readonly ready: Promise<McpSession>;
}

/**
 * Keeps one session with a server for all calls: the first call opens it, and so does the next one after it
 * has ended. When sessions end again and again before they have answered anything, calls fail at once for a
 * time that grows, so that a broken server is not started for every record.
 */
export class SessionKeeper {
  readonly #connect: () => McpTransport;
  readonly #clientVersion: string;
  readonly #idleMs: number;
  #current: Opening | undefined;
  /** Everything that may still have a process or a connection. */
  readonly #open = new Set<McpSession>();
  /** Sessions in a row that came to nothing. */
  #fruitless = 0;
  #notBefore = 0;
  #lastEnd: BadEnd = { started: false, lastWords: '' };
  #users = 0;
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(connect: () => McpTransport, clientVersion: string, idleMs = idleEndMs) {
    this.#connect = connect;
    this.#idleMs = idleMs;
    this.#clientVersion = clientVersion;
  }

  /** Counts as a use of the server until `work` has settled, so that it is not ended as idle meanwhile. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    clearTimeout(this.#idle);
    this.#users += 1;
    try {
      return await work();
    } finally {
      this.#users -= 1;
      if (this.#users === 0) this.#idle = setTimeout(() => this.#drop(), this.#idleMs).unref();
    }
  }

  /** @throws ServerDown */
  session(): Promise<McpSession> {
    if (this.#current === undefined) {
      const waitMs = this.#notBefore - performance.now();
      if (this.#closed || waitMs > 0) throw new ServerDown(this.#lastEnd, waitMs);
      this.#current = this.#begin();
    }
    return this.#current.ready;
  }

  #begin(): Opening {
    const session = new McpSession(this.#connect(), this.#clientVersion, () => this.#ended(session));
    this.#open.add(session);
    const ready = session.start().then(
      () => session,
      (cause: unknown) => {
        this.#ended(session, cause);
        // It may be up and silent.
        void this.#end(session);
        throw new ServerDown(endOf(session, cause), this.#notBefore - performance.now());
      },
    );
    ready.catch(() => {});
    return { session, ready };
  }

  #ended(session: McpSession, cause?: unknown): void {
    this.#open.delete(session);
    if (this.#current?.session !== session) return;
    this.#current = undefined;
    this.#lastEnd = endOf(session, cause);
    this.#fruitless = session.answered ? 0 : this.#fruitless + 1;
    // One end is an accident and costs no time.
    const pauseMs = this.#fruitless < 2 ? 0 : firstPauseMs * 2 ** (this.#fruitless - 2);
    this.#notBefore = performance.now() + Math.min(pauseMs, longestPauseMs);
  }

  /** Keeps it in sight until nothing is left of it. */
  async #end(session: McpSession): Promise<void> {
    this.#open.add(session);
    await session.close();
    this.#open.delete(session);
  }

  /** After a call that took too long: a process that does not even answer a ping is ended. */
  async doubt(session: McpSession, timeoutMs: number): Promise<void> {
    const hangs = await session.hangs(Math.min(Math.max(timeoutMs, shortestPingMs), longestPingMs));
    if (!hangs || session.ended) return;
    if (this.#current?.session === session) this.#current = undefined;
    await this.#end(session);
  }

  /** The server does not know this session any more; calls that are under way in it may still end. */
  forget(session: McpSession): void {
    if (this.#current?.session === session) this.#current = undefined;
    session.retire();
  }

  #drop(): void {
    if (this.#current !== undefined) this.forget(this.#current.session);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    this.#current = undefined;
    await Promise.all([...this.#open].map((session) => session.close()));
  }
}

function endOf({ started, lastWords }: McpSession, cause: unknown): BadEnd {
  return { started, cause, lastWords };
}
