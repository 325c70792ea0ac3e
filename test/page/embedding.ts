import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

/** How the chat of a test shows a view. */
export interface Embedding {
  readonly html: string;
  /** What hosts tell of themselves, in the words of MCP Apps. */
  readonly context: Readonly<Record<string, unknown>>;
  /** Whether the view may call tools and tell the assistant. */
  readonly isAble: boolean;
}

/** The chat of a test, as its page offers it. */
export interface ChatHost {
  /** `name` is the view's and its frame's. */
  embed(name: string, embedding: Embedding): Promise<void>;
  /** The tool call that a view belongs to has been answered. */
  answer(name: string, result: CallToolResult): Promise<void>;
  change(name: string, context: Embedding['context']): Promise<void>;
  teardown(name: string): Promise<void>;
  /** What views have told the assistant. */
  told(): Promise<readonly string[]>;
}
