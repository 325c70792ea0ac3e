import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ErrorCode, McpError, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '../domain/json.ts';
import { type ToolAnswer, toolAnswerSchema } from './mcp-answer.ts';
import type { McpTransport } from './mcp-messages.ts';
import { listTools, type ToolList, type ToolTraits } from './mcp-tools.ts';

/** Enough for a package that is installed by the first start. */
const startTimeoutMs = 60_000;
/** A tool that is not in a list this old may have been added since: not every server tells. */
const listAgeMs = 5_000;
/** The longest a timer can wait. Calls have deadlines of their own. */
const noTimeout = 2 ** 31 - 1;

/** The server lists its tools, and the wanted one is not among them. */
export class ToolMissing extends Error {
  override readonly name = 'ToolMissing';
  readonly known: readonly string[];

  constructor(known: readonly string[]) {
    super('no such tool');
    this.known = known;
  }
}

interface Listing {
  readonly tools: Promise<ToolList | undefined>;
  readonly at: number;
}

/** One connection to a server, from its first message to its end. */
export class McpSession {
  readonly #client: Client;
  readonly #transport: McpTransport;
  readonly #onEnd: (session: McpSession) => void;
  #listed: Listing | undefined;
  #started = false;
  #ended = false;
  #answered = false;
  #underWay = 0;
  #pinging: Promise<boolean> | undefined;
  #retired = false;

  constructor(transport: McpTransport, clientVersion: string, onEnd: (session: McpSession) => void) {
    this.#transport = transport;
    this.#onEnd = onEnd;
    this.#client = new Client({ name: 'sluice', version: clientVersion });
    this.#client.onclose = () => {
      this.#ended = true;
      if (this.#started) this.#onEnd(this);
    };
    this.#client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      this.#listed = undefined;
    });
    this.#client.fallbackRequestHandler = refuse;
  }

  get started(): boolean {
    return this.#started;
  }

  /** True once the server or the connection is gone. */
  get ended(): boolean {
    return this.#ended;
  }

  /** True when it has answered a call, whatever it said. */
  get answered(): boolean {
    return this.#answered;
  }

  /** The server has given the session an id, so it can forget it. */
  get hasId(): boolean {
    return this.#transport.sessionId !== undefined;
  }

  get lastWords(): string {
    return this.#transport.lastWords;
  }

  /** After it has rejected, `onEnd` is not called. */
  async start(): Promise<void> {
    await this.#client.connect(this.#transport, { timeout: startTimeoutMs });
    if (this.#ended) throw new McpError(ErrorCode.ConnectionClosed, 'closed');
    this.#started = true;
  }

  /**
   * What the server says of a tool; undefined when it does not list its tools.
   *
   * @throws ToolMissing
   */
  async traitsOf(tool: string): Promise<ToolTraits | undefined> {
    const before = this.#list();
    let tools = await before.tools;
    if (tools?.has(tool) === false && performance.now() - before.at > listAgeMs) {
      if (this.#listed === before) this.#listed = undefined;
      tools = await this.#list().tools;
    }
    const traits = tools?.get(tool);
    if (tools !== undefined && traits === undefined) throw new ToolMissing([...tools.keys()]);
    return traits;
  }

  #list(): Listing {
    this.#listed ??= { tools: listTools(this.#client), at: performance.now() };
    return this.#listed;
  }

  /** Calls a tool. When the signal aborts, the server is told and its answer is not waited for. */
  async call(tool: string, input: JsonObject, signal: AbortSignal): Promise<ToolAnswer> {
    this.#underWay += 1;
    try {
      // Not `callTool` of the SDK: it checks answers against the tool's output schema, and one that does not
      // fit would turn a call that was carried out into a failure, and into a second call.
      const params = { name: tool, arguments: { ...input } };
      const options = { signal, timeout: noTimeout };
      return await this.#client.request({ method: 'tools/call', params }, toolAnswerSchema, options);
    } finally {
      this.#underWay -= 1;
      if (!this.#ended && !signal.aborted) this.#answered = true;
      if (this.#retired && this.#underWay === 0) void this.close();
    }
  }

  /** True when it is a process that does not answer a ping in time. Asked once, however many want to know. */
  hangs(timeoutMs: number): Promise<boolean> {
    if (!this.#transport.isProcess) return Promise.resolve(false);
    this.#pinging ??= this.#client.ping({ timeout: timeoutMs }).then(
      () => false,
      () => true,
    );
    return this.#pinging.finally(() => {
      this.#pinging = undefined;
    });
  }

  /** Closes it as soon as no call is under way. */
  retire(): void {
    this.#retired = true;
    if (this.#underWay === 0) void this.close();
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await this.#transport.close().catch(() => {});
  }
}

/** Servers may ask for a person, a model or folders. There are none behind a batch job. */
async function refuse(): Promise<never> {
  const message = 'Sluice calls tools for batch jobs; it offers no elicitation, sampling or roots';
  throw Object.assign(new Error(message), { code: ErrorCode.MethodNotFound });
}
