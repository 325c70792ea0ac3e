// A server of the SDK with tools for every kind of answer and trouble. Arguments: --dies-every=N, --stubborn.
import { spawn } from 'node:child_process';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import {
  CallToolRequestSchema,
  ElicitResultSchema,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';

const diesEvery = Number(process.argv.find((word) => word.startsWith('--dies-every='))?.split('=')[1] ?? 0);
let calls = 0;
let lists = 0;
const cancelled = [];

const text = (said) => ({ content: [{ type: 'text', text: said }] });
const value = (structuredContent) => ({ content: [], structuredContent });
const error = (said) => ({ ...text(said), isError: true });

const tools = {
  create_customer: (input) => value({ id: `c-${calls}`, ...input }),
  find_customer: () => value({ found: true }),
  upsert_customer: () => value({}),
  process: () =>
    value({ pid: process.pid, cwd: process.cwd(), argv: process.argv.slice(2), env: process.env }),
  counts: () => value({ calls, lists, cancelled }),
  say: ({ text: said }) => text(said),
  say_twice: ({ text: said }) => ({ content: [...text(said).content, ...text(said).content] }),
  say_nothing: () => ({ content: [] }),
  give: ({ value: given }) => value(given),
  many_bytes: ({ bytes }) => value({ filler: 'x'.repeat(bytes) }),
  picture: () => ({
    content: [
      { type: 'text', text: 'a dot' },
      { type: 'image', data: Buffer.alloc(1000).toString('base64'), mimeType: 'image/png' },
      {
        type: 'resource',
        resource: { uri: 'file:///a', mimeType: 'a/b', blob: Buffer.alloc(10).toString('base64') },
      },
      { type: 'resource_link', uri: 'crm://c-1', name: 'c-1', mimeType: 'text/plain' },
    ],
  }),
  fail: ({ text: said }) => error(said),
  fail_with: ({ value: given }) => ({ ...value(given), isError: true }),
  refuse: ({ code }) => {
    throw new McpError(code, 'no such thing');
  },
  misfit: () => value({ not: 'what the output schema says' }),
  exit: () => {
    process.stderr.write('out of memory: 0xdead\n');
    process.exit(3);
  },
  exit_harmless: () => process.exit(3),
  wait: (_, { signal }) =>
    new Promise(() => {
      signal.addEventListener('abort', () => cancelled.push(signal.reason));
    }),
  pause: ({ ms }) => new Promise((resolve) => setTimeout(() => resolve(value({ ms })), ms)),
  progress: async ({ times }, { requestId, sendNotification }) => {
    for (let at = 0; at < times; at++) {
      await sendNotification({
        method: 'notifications/progress',
        params: { progressToken: requestId, progress: at },
      });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return value({ times });
  },
  flood: async ({ times }) => {
    const line = JSON.stringify({
      jsonrpc: '2.0',
      method: 'notifications/message',
      params: { level: 'info', data: 'x' },
    });
    for (let at = 0; at < times / 1000; at++) {
      if (!process.stdout.write(`${line}\n`.repeat(1000)))
        await new Promise((resolve) => process.stdout.once('drain', resolve));
    }
    return value({ times });
  },
  ask: async () => {
    const ask = async (method, params) => {
      try {
        return await server.request({ method, params }, ElicitResultSchema);
      } catch (refusal) {
        return { code: refusal.code, message: refusal.message };
      }
    };
    return value({
      answers: await Promise.all([
        ask('elicitation/create', { message: 'Who?', requestedSchema: { type: 'object', properties: {} } }),
        ask('sampling/createMessage', { messages: [], maxTokens: 1 }),
        ask('roots/list', {}),
      ]),
    });
  },
  learn: async () => {
    tools.learned = () => value({ learned: true });
    await server.sendToolListChanged();
    return value({});
  },
};

const annotations = {
  find_customer: { readOnlyHint: true },
  upsert_customer: { idempotentHint: true },
  exit_harmless: { readOnlyHint: true },
};
const outputSchemas = {
  misfit: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
};

const server = new Server({ name: 'crm', version: '1' }, { capabilities: { tools: { listChanged: true } } });

server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
  lists += 1;
  const from = Number(params?.cursor ?? 0);
  const names = Object.keys(tools);
  const page = names.slice(from, from + 10).map((name) => ({
    name,
    inputSchema: { type: 'object' },
    ...(annotations[name] && { annotations: annotations[name] }),
    ...(outputSchemas[name] && { outputSchema: outputSchemas[name] }),
  }));
  return { tools: page, ...(from + 10 < names.length && { nextCursor: String(from + 10) }) };
});

server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
  calls += 1;
  if (diesEvery > 0 && calls % diesEvery === 0) process.exit(1);
  const tool = tools[params.name];
  if (tool === undefined) throw new McpError(ErrorCode.InvalidParams, `Tool ${params.name} not found`);
  return tool(params.arguments ?? {}, extra);
});

if (process.argv.includes('--stubborn')) {
  process.on('SIGTERM', () => {});
  const child = spawn('sleep', ['1000'], { stdio: 'inherit' });
  setInterval(() => {}, 1000);
  tools.child = () => value({ pid: child.pid });
} else {
  // The SDK's transport does not notice the end of its input.
  process.stdin.on('end', () => process.exit());
}
await server.connect(new StdioServerTransport());
