import type { HttpBindings } from '@hono/node-server';
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { Context } from 'hono';
import type { McpServerOptions } from '../mcp/server.ts';
import type { OperationContext } from '../operations/context.ts';
import type { Operation } from '../operations/operation.ts';

/** Who calls: null is this machine's own operator, anything else an owner that a token names. */
export interface Principal {
  readonly owner: string | null;
  /** The only flow whose published API this caller may use; undefined: everything of the owner. */
  readonly flowName?: string;
  /** Whether the token that said so is good still; undefined: it is as long as this process lives. */
  readonly holds?: () => Promise<boolean>;
}

/** What one request brings along. */
export interface HttpCall extends Pick<OperationContext, 'signal' | 'progress'> {
  readonly owner: string | null;
}

/** What every part of the HTTP surface gets. */
export interface HttpOptions {
  readonly version: string;
  readonly operations: readonly Operation[];
  /** What an operation may use, for one request. */
  readonly context: (call: HttpCall) => OperationContext;
  readonly onUnexpected: (error: unknown, where: string) => void;
  /** The view of a batch job for hosts that show views in the chat, as HTML; undefined: there is none. */
  readonly batchView?: string | undefined;
  /** Whether the database answers. Never rejects. */
  readonly isReady: () => Promise<boolean>;
  /** Aborted when the server has to end: what streams goes to its end then. */
  readonly ending: AbortSignal;
  /** Clients of `/mcp` have sessions and are told of changes; default: each request stands for itself. */
  readonly mcpSessions?: boolean;
  /** What answers a client of MCP; default: Sluice's own server. */
  readonly mcpServer?: (options: McpServerOptions) => Server;
}

export interface HttpEnvironment {
  readonly Bindings: HttpBindings;
  readonly Variables: {
    principal: Principal;
    /** What a request is recorded as, when the pattern of its route does not tell. */
    recordedAs?: string;
  };
}

/** What an operation may use, for the caller of this request. */
export const contextOf = (options: HttpOptions, c: Context<HttpEnvironment>): OperationContext =>
  options.context({ owner: c.get('principal').owner, signal: c.req.raw.signal });
