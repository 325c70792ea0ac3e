import { setTimeout as sleep } from 'node:timers/promises';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  CompleteRequestSchema,
  type ContentBlock,
  CreateMessageResultSchema,
  type ElicitRequestFormParams,
  ElicitResultSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  type PromptMessage,
  ReadResourceRequestSchema,
  type ServerNotification,
  type ServerRequest,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { McpServerOptions } from '../../src/mcp/server.ts';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const silence = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA==';
const pauseMs = 50;

const text = (words: string): ContentBlock => ({ type: 'text', text: words });
const image: ContentBlock = { type: 'image', data: pixel, mimeType: 'image/png' };
const resource = (uri: string, mimeType: string, words: string): ContentBlock => ({
  type: 'resource',
  resource: { uri, mimeType, text: words },
});

const anything = { type: 'object' as const };
const draft2020 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object' as const,
  $defs: {
    address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } },
  },
  properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
  additionalProperties: false,
};

type Tool = (extra: Extra, server: Server) => readonly ContentBlock[] | Promise<readonly ContentBlock[]>;

/** Without a session nobody hears the client's answer, so it has not told what it can do either. */
function refuseUnless(server: Server, ability: 'sampling' | 'elicitation'): void {
  if (server.getClientCapabilities()?.[ability] === undefined)
    throw new Error(`The client has no ${ability}`);
}

/** Asks the client for words of its model. */
async function sample(extra: Extra, server: Server): Promise<readonly ContentBlock[]> {
  refuseUnless(server, 'sampling');
  const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: 'Hello' } }];
  const { content } = await extra.sendRequest(
    { method: 'sampling/createMessage', params: { messages, maxTokens: 100 } },
    CreateMessageResultSchema,
  );
  return [text(`LLM response: ${JSON.stringify(content)}`)];
}

const titled = [
  { const: 'value1', title: 'First' },
  { const: 'value2', title: 'Second' },
];

/** Asks the person behind the client to fill in a form. */
function elicit(properties: ElicitRequestFormParams['requestedSchema']['properties']): Tool {
  return async (extra, server) => {
    refuseUnless(server, 'elicitation');
    const requestedSchema = { type: 'object' as const, properties };
    const { action, content } = await extra.sendRequest(
      { method: 'elicitation/create', params: { message: 'Please fill this in', requestedSchema } },
      ElicitResultSchema,
    );
    return [text(`Elicitation completed: action=${action}, content=${JSON.stringify(content)}`)];
  };
}

/** The tools that the scenarios of the conformance suite call by name. */
const tools: Readonly<Record<string, Tool>> = {
  test_simple_text: () => [text('This is a simple text response for testing.')],
  test_image_content: () => [image],
  test_audio_content: () => [{ type: 'audio', data: silence, mimeType: 'audio/wav' }],
  test_embedded_resource: () => [
    resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
  ],
  test_multiple_content_types: () => [
    text('Multiple content types test:'),
    image,
    resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ],
  test_error_handling: () => {
    throw new Error('This tool intentionally returns an error for testing');
  },
  async test_tool_with_logging(extra) {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } });
      await sleep(pauseMs);
    }
    return [text('Logged.')];
  },
  async test_tool_with_progress(extra) {
    const progressToken = extra._meta?.progressToken;
    for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
      await extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken: progressToken ?? '', progress, total: 100 },
      });
      await sleep(pauseMs);
    }
    return [text('Progressed.')];
  },
  test_reconnection: () => [text('Answered without a pause.')],
  test_sampling: sample,
  test_elicitation: elicit({ username: { type: 'string' }, email: { type: 'string' } }),
  test_elicitation_sep1034_defaults: elicit({
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  }),
  test_elicitation_sep1330_enums: elicit({
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: { type: 'string', oneOf: titled },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2'], enumNames: ['Option One', 'Option Two'] },
    untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: { type: 'array', items: { anyOf: titled } },
  }),
  json_schema_2020_12_tool: () => [text('Fits.')],
};

const user = (content: ContentBlock): PromptMessage => ({ role: 'user', content });

const prompts: Readonly<
  Record<string, (given: Readonly<Record<string, string>>) => readonly PromptMessage[]>
> = {
  test_simple_prompt: () => [user(text('This is a simple prompt for testing.'))],
  test_prompt_with_arguments: ({ arg1, arg2 }) => [
    user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  ],
  test_prompt_with_embedded_resource: ({ resourceUri = '' }) => [
    user(resource(resourceUri, 'text/plain', 'Embedded resource content for testing.')),
    user(text('Please process the embedded resource above.')),
  ],
  test_prompt_with_image: () => [user(image), user(text('Please analyze the image above.'))],
};

function contentsOf(uri: string) {
  if (uri === 'test://static-binary') return { uri, mimeType: 'image/png', blob: pixel };
  const id = /^test:\/\/template\/(\w+)\/data$/.exec(uri)?.[1];
  if (id !== undefined) return { uri, mimeType: 'application/json', text: JSON.stringify({ id }) };
  return { uri, mimeType: 'text/plain', text: 'This is the content of the static text resource.' };
}

/** A server with what the conformance suite expects to find, in place of Sluice's own. */
export function conformanceServer({ subscriptions = true }: Pick<McpServerOptions, 'subscriptions'>): Server {
  const resources = subscriptions ? { subscribe: true } : {};
  const server = new Server(
    { name: 'conformance', version: '0' },
    { capabilities: { tools: {}, resources, prompts: {}, completions: {}, logging: {} } },
  );
  if (subscriptions) {
    server.setRequestHandler(SubscribeRequestSchema, () => ({}));
    server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
  }
  server.setRequestHandler(SetLevelRequestSchema, () => ({}));
  server.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: ['test'] } }));
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.keys(tools).map((name) => ({
      name,
      description: name,
      inputSchema: name === 'json_schema_2020_12_tool' ? draft2020 : anything,
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra): Promise<CallToolResult> => {
    try {
      const tool = tools[params.name];
      if (tool === undefined) throw new Error('No such tool');
      return { content: [...(await tool(extra, server))] };
    } catch (error) {
      return { isError: true, content: [text(String(error))] };
    }
  });
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: Object.keys(prompts).map((name) => ({ name, description: name })),
  }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => ({
    messages: [...(prompts[params.name]?.(params.arguments ?? {}) ?? [])],
  }));
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: ['test://static-text', 'test://static-binary'].map((uri) => ({ uri, name: uri })),
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => ({
    contents: [contentsOf(params.uri)],
  }));
  return server;
}
