import { randomUUID } from 'node:crypto';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  ErrorCode,
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import { isJsonObject } from '../domain/json.ts';
import { exactJson } from './exact-json.ts';

/** A way to a server. */
export interface McpTransport extends Transport {
  /** The last of what the server said outside of the protocol; often empty. */
  readonly lastWords: string;
  /** The server is a process of ours, which can be ended and started again. */
  readonly isProcess: boolean;
}

/** Why an answer never came, although the server may have acted on the request. */
export type LostBecause = 'cut' | 'too_large' | 'unreadable';

/** Marks the answers that we make up. No server ever sees it. */
const mark = randomUUID();

/** Stands for an answer that was lost, so that its call ends now and not at its deadline. */
export function lostAnswer(id: number | string, because: LostBecause): JSONRPCMessage {
  return { jsonrpc: '2.0', id, error: { code: ErrorCode.ConnectionClosed, message: because, data: mark } };
}

/** What `lostAnswer` has put into an error, if it did. */
export function lostBecause(error: unknown): LostBecause | undefined {
  if (!(error instanceof McpError) || error.data !== mark) return undefined;
  return (['cut', 'too_large', 'unreadable'] as const).find((because) => error.message.endsWith(because));
}

/** What a line of a server means to us; undefined: it is no message at all. */
export function messageIn(line: string): JSONRPCMessage | 'ignored' | undefined {
  let value: unknown;
  try {
    value = exactJson(line);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value)) return undefined;
  // Most notifications are dropped before they cost anything: a server may send them in floods.
  if (value.id === undefined && value.method !== 'notifications/tools/list_changed') return 'ignored';
  const parsed = JSONRPCMessageSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  return typeof value.id === 'number' && value.method === undefined
    ? lostAnswer(value.id, 'unreadable')
    : undefined;
}

/** The id of the request that a line was the answer to, as far as its two ends tell. */
export function answeredId(start: string, end: string): number | undefined {
  if (start.includes('"method"')) return undefined;
  // Servers write the id either first or last.
  const first = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d+)\s*,/.exec(start);
  const last = /"id"\s*:\s*(\d+)\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/.exec(end);
  const id = first?.[1] ?? last?.[1];
  return id === undefined ? undefined : Number(id);
}
