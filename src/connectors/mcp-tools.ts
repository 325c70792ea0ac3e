import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { z } from 'zod';

/** A server that takes longer is called without its list. */
const timeoutMs = 10_000;
const maxPages = 100;

/** What Sluice wants to know of a tool. */
export interface ToolTraits {
  /** By the server's own word a second call changes nothing that the first has not. */
  readonly repeatable: boolean;
}

/** A server's tools by name. */
export type ToolList = ReadonlyMap<string, ToolTraits>;

const hint = z.boolean().optional().catch(undefined);
/** Only what is used, so that one odd tool does not hide all others. */
const pageSchema = z.looseObject({
  tools: z.array(
    z.looseObject({
      name: z.string(),
      annotations: z.looseObject({ readOnlyHint: hint, idempotentHint: hint }).optional().catch(undefined),
    }),
  ),
  nextCursor: z.string().optional().catch(undefined),
});

/** Reads all pages of a server's list of tools; undefined when it has none or does not give it. */
export async function listTools(client: Client): Promise<ToolList | undefined> {
  const tools = new Map<string, ToolTraits>();
  let cursor: string | undefined;
  try {
    for (let page = 0; page < maxPages; page++) {
      const params = cursor === undefined ? {} : { cursor };
      // Not `listTools` of the SDK: it compiles each tool's output schema, and fails for one that is wrong.
      const read = await client.request({ method: 'tools/list', params }, pageSchema, { timeout: timeoutMs });
      for (const { name, annotations } of read.tools) {
        tools.set(name, {
          repeatable: annotations?.readOnlyHint === true || annotations?.idempotentHint === true,
        });
      }
      if (!read.nextCursor || read.nextCursor === cursor) return tools;
      cursor = read.nextCursor;
    }
    return tools;
  } catch {
    return undefined;
  }
}
