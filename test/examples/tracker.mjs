// A server of an issue tracker that keeps its issues in memory.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const issues = [];
const server = new Server({ name: 'tracker', version: '1' }, { capabilities: { tools: {} } });

server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: [{ name: 'create_issue', inputSchema: { type: 'object' } }],
}));
server.setRequestHandler(CallToolRequestSchema, ({ params: { arguments: issue = {} } }) => {
  if (issue.labels?.includes('forbidden')) {
    return { isError: true, content: [{ type: 'text', text: 'there is no label forbidden' }] };
  }
  issues.push(issue);
  const number = issues.length;
  return { content: [], structuredContent: { number, issue, as: process.env.TRACKER_TOKEN } };
});
// The SDK's transport does not notice the end of its input.
process.stdin.on('end', () => process.exit());
await server.connect(new StdioServerTransport());
