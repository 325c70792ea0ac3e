/** A chat that shows views, for the browser of a test: each in a sandboxed frame with the rules hosts set. */
import {
  AppBridge,
  type McpUiHostCapabilities,
  PostMessageTransport,
} from '@modelcontextprotocol/ext-apps/app-bridge';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { ChatHost, Embedding } from './embedding.ts';

declare global {
  interface Window {
    chatHost: ChatHost;
    /** Given by the test: calls the real server. */
    callTool(view: string, params: object): Promise<CallToolResult>;
  }
}

const policy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'none'";
const able: McpUiHostCapabilities = { serverTools: {}, updateModelContext: { text: {} } };
const bridges = new Map<string, AppBridge>();
const told: string[] = [];

async function embed(name: string, { html, context, isAble }: Embedding): Promise<void> {
  const frame = document.createElement('iframe');
  frame.name = name;
  frame.title = name;
  frame.setAttribute('sandbox', 'allow-scripts');
  frame.style.cssText = 'display: block; width: 100%; border: 0';
  document.body.append(frame);
  const inside = frame.contentWindow as Window;

  const bridge = new AppBridge(null, { name: 'test host', version: '1' }, isAble ? able : {}, {
    hostContext: context,
  });
  if (isAble) {
    bridge.oncalltool = (params) => window.callTool(name, params);
    bridge.onupdatemodelcontext = async ({ content = [] }) => {
      for (const block of content) if (block.type === 'text') told.push(block.text);
      return {};
    };
  }
  bridge.onsizechange = ({ height }) => {
    frame.style.height = `${height}px`;
  };
  const ready = new Promise<void>((resolve) => {
    bridge.oninitialized = () => resolve();
  });
  await bridge.connect(new PostMessageTransport(inside, inside));
  frame.srcdoc = html.replace(
    '<head>',
    `<head><meta http-equiv="Content-Security-Policy" content="${policy}">`,
  );
  await ready;
  await bridge.sendToolInput({ arguments: {} });
  bridges.set(name, bridge);
}

function bridgeOf(name: string): AppBridge {
  const bridge = bridges.get(name);
  if (bridge === undefined) throw new Error(`There is no view ${name}.`);
  return bridge;
}

window.chatHost = {
  embed,
  answer: (name, result) => bridgeOf(name).sendToolResult(result),
  change: async (name, context) => bridgeOf(name).setHostContext(context),
  teardown: async (name) => void (await bridgeOf(name).teardownResource({})),
  told: async () => told,
};
