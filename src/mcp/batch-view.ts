import type { ReadResourceResult, Resource, Tool } from '@modelcontextprotocol/sdk/types.js';

/** Where hosts that show views in the chat (the MCP Apps extension) find the one of a batch job. */
const uri = 'ui://sluice/batch';

/** Tools whose answer names a job, which the view then follows. */
const linkedTools: ReadonlySet<string> = new Set([
  'start_batch',
  'get_batch_status',
  'retry_batch_failed_records',
]);

const link = {
  ui: { resourceUri: uri },
  // What hosts read that were made before the extension had its final form.
  'ui/resourceUri': uri,
};

/** The view loads nothing and speaks to its host alone. */
const wishes = {
  ui: {
    csp: { connectDomains: [], resourceDomains: [], frameDomains: [], baseUriDomains: [] },
    prefersBorder: true,
  },
};

const entry = {
  uri,
  name: 'batch-view',
  title: 'Progress of a batch job',
  mimeType: 'text/html;profile=mcp-app',
} satisfies Resource;

/** A batch job as a person sees and steers it in the chat. */
export interface BatchView {
  readonly entry: Resource;
  /** undefined: the address is not the view's. */
  read(address: string): ReadResourceResult | undefined;
  linked(tool: Tool): Tool;
}

/** `html` undefined: there is no view, and every tool is as it is for clients that show none. */
export function batchViewOf(html: string | undefined): BatchView | undefined {
  if (html === undefined) return undefined;
  const { mimeType } = entry;
  return {
    entry: { ...entry, _meta: wishes },
    read: (address) =>
      address === uri ? { contents: [{ uri, mimeType, text: html, _meta: wishes }] } : undefined,
    linked: (tool) => (linkedTools.has(tool.name) ? { ...tool, _meta: link } : tool),
  };
}
