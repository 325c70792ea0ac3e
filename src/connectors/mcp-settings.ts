import type { Rate } from '../domain/rate.ts';
import type { CallLimits } from './call-limits.ts';
import type { CallSettings } from './connectors-file.ts';
import type { AuthSettings, Credentials } from './credentials.ts';
import type { McpConnector } from './mcp.ts';
import type { Secret } from './secret.ts';

/** An MCP server that flows may use: a program of this machine, or a URL. */
export type McpSettings = McpLimits & (McpCommand | McpUrl);

interface McpLimits extends CallSettings {
  readonly type: 'mcp';
  readonly name: string;
  /** Calls at once. */
  readonly concurrency: number;
  readonly rate?: Rate;
}

export interface McpCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Name of a variable the server sees, and the name of the variable whose value it gets. */
  readonly env: Readonly<Record<string, string>>;
  /** An absolute folder; default: one of its own. */
  readonly cwd?: string;
}

export interface McpUrl {
  /** `https://` or `http://`, without a password. */
  readonly url: string;
  readonly auth?: AuthSettings;
  readonly headers: Readonly<Record<string, string>>;
  readonly allowPrivate: boolean;
}

export interface McpConnectorOptions {
  readonly settings: McpSettings;
  /** Of `auth`, resolved. */
  readonly credentials?: Credentials;
  /** The value of a variable, for `env` of a command; undefined: it is not set. */
  readonly variable: (name: string) => Secret | undefined;
  /** Opens private addresses to every connector, whatever its own setting. */
  readonly allowPrivateHosts: boolean;
  readonly clientVersion: string;
  /** Shared by all that call the same target; default: its own. */
  readonly limits?: CallLimits;
}

/** What `openMcpConnector` is. Nothing is started or connected before the first call. */
export type OpenMcpConnector = (options: McpConnectorOptions) => McpConnector & { close(): Promise<void> };
