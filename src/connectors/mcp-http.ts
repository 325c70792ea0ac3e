import { setTimeout as wait } from 'node:timers/promises';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CancelledNotificationSchema,
  isJSONRPCRequest,
  type JSONRPCMessage,
} from '@modelcontextprotocol/sdk/types.js';
import type { Credentials } from './credentials.ts';
import { McpFetch } from './mcp-fetch.ts';
import type { McpTransport } from './mcp-messages.ts';
import type { McpUrl } from './mcp-settings.ts';

/** For the server to hear that a session is over. */
const farewellMs = 1_000;

/** The SDK's transport on an `McpFetch`. Redirects are followed within the server's origin only, by the SDK. */
export class McpHttp extends StreamableHTTPClientTransport implements McpTransport {
  readonly lastWords = '';
  readonly isProcess = false;
  readonly #fetch: McpFetch;
  #closing: Promise<void> | undefined;

  constructor(target: McpUrl, credentials: Credentials | undefined, allowPrivate: boolean) {
    const guarded = new McpFetch(allowPrivate);
    const headers = {
      'user-agent': 'sluice',
      ...target.headers,
      ...(credentials === undefined ? {} : { [credentials.header]: credentials.value.reveal() }),
    };
    super(new URL(target.url), { fetch: guarded.fetch, requestInit: { headers } });
    this.#fetch = guarded;
  }

  override async send(message: JSONRPCMessage): Promise<void> {
    if (isJSONRPCRequest(message)) return this.#fetch.during(message.id, () => super.send(message));
    await super.send(message);
    // The SDK tells the server that a call is no longer wanted, but leaves its connection open.
    const { data: cancelled } = CancelledNotificationSchema.safeParse(message);
    if (cancelled?.params.requestId !== undefined) this.#fetch.cut(cancelled.params.requestId);
  }

  override close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const late = new AbortController();
    const farewell = this.terminateSession().catch(() => {});
    await Promise.race([farewell, wait(farewellMs, undefined, { signal: late.signal }).catch(() => {})]);
    late.abort();
    await super.close();
    await this.#fetch.destroy();
  }
}
