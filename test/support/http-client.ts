import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

export type McpTransport = 'streamable' | 'sse';

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by what a test expects of them
type Answer = any;

export interface RemoteClient {
  readonly client: Client;
  /** The structured half of a tool's answer; throws the text of a refusal. */
  call(tool: string, args?: Record<string, unknown>): Promise<Answer>;
  close(): Promise<void>;
}

/** The SDK's own client, joined to a server over HTTP. */
export async function connectRemote(
  url: string,
  token: string | undefined,
  kind: McpTransport = 'streamable',
): Promise<RemoteClient> {
  const requestInit = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
  const transport =
    kind === 'sse'
      ? new SSEClientTransport(new URL('/sse', url), { requestInit })
      : new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit });
  const client = new Client({ name: 'test', version: '0' });
  // The SDK's types let a session id be absent that the interface says may be undefined.
  await client.connect(transport as Parameters<Client['connect']>[0]);
  return {
    client,
    async call(name, args = {}) {
      const result = (await client.callTool({ name, arguments: args })) as CallToolResult;
      const [text] = result.content;
      if (result.isError) throw new Error(text?.type === 'text' ? text.text : 'no text');
      return result.structuredContent;
    },
    close: () => client.close(),
  };
}
