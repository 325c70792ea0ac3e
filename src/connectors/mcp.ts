import type { JsonObject, JsonValue } from '../domain/json.ts';

/** A call of one tool of an MCP server. */
export interface McpCall {
  readonly tool: string;
  readonly arguments: JsonObject;
  /** Total time in milliseconds, a start of the server included; default: the connector's. */
  readonly timeoutMs?: number;
  /** Name of the step, for the failure. */
  readonly step: string;
  readonly signal: AbortSignal;
}

export interface McpConnector {
  readonly name: string;
  /**
   * Calls a tool; the server is started or connected to on first use, and again after it has ended.
   *
   * Returns `structuredContent`; without it the text, parsed when it is an object or a list; else the content,
   * with the size of images and files instead of their data. Cut at 1 MiB, and then a text.
   *
   * @throws RecordFailure. Class `data` for a tool that answers with an error or does not exist (the
   * failure lists the tools), `transient` for a server that ends, times out or cannot be started
   * (`maybeApplied` when the call had been sent).
   */
  call(call: McpCall): Promise<JsonValue>;
}
