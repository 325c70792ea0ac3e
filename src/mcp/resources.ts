import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  ErrorCode,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { SluiceError } from '../domain/sluice-error.ts';
import type { OperationContext } from '../operations/context.ts';
import { describeError } from '../operations/describe-error.ts';
import { readResource, resourceTemplates } from '../operations/resources.ts';
import { listResources, resourceState } from '../operations/watch-resource.ts';
import type { BatchView } from './batch-view.ts';
import { Subscriptions } from './subscriptions.ts';

export interface Asking {
  /** What an operation may use, until `signal` is aborted. */
  readonly context: (signal: AbortSignal) => OperationContext;
  readonly onUnexpected: (error: unknown, where: string) => void;
}

interface Served {
  /** Whether changes are told of, until the connection closes. */
  readonly subscriptions: boolean;
  readonly view: BatchView | undefined;
}

/** Serves what can be read by its address. */
export function serveResources(server: Server, asking: Asking, { subscriptions, view }: Served): void {
  const readOther = async (uri: string, signal: AbortSignal) => ({
    contents: [{ ...(await readResource(asking.context(signal), uri)) }],
  });
  server.setRequestHandler(ListResourcesRequestSchema, (_, { signal }) =>
    answered(asking, 'resources/list', async () => ({
      resources: [
        ...(await listResources(asking.context(signal))).map((entry) => ({ ...entry })),
        ...(view === undefined ? [] : [view.entry]),
      ],
    })),
  );
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: resourceTemplates.map((template) => ({ ...template })),
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }, { signal }) =>
    answered(asking, 'resources/read', async () => view?.read(params.uri) ?? readOther(params.uri, signal)),
  );
  if (subscriptions) serveSubscriptions(server, asking);
}

function serveSubscriptions(server: Server, asking: Asking): void {
  const ended = new AbortController();
  const subscriptions = new Subscriptions({
    stateOf: (uri) => resourceState(asking.context(ended.signal), uri),
    notify: (uri) => server.sendResourceUpdated({ uri }),
  });
  onClose(server, () => {
    subscriptions.close();
    ended.abort();
  });

  server.setRequestHandler(SubscribeRequestSchema, ({ params }) =>
    answered(asking, 'resources/subscribe', async () => {
      if (await subscriptions.add(params.uri)) return {};
      throw new SluiceError(
        'invalid_input',
        'There are too many subscriptions; unsubscribe from some first.',
      );
    }),
  );
  server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscriptions.remove(params.uri);
    return {};
  });
}

/** A refusal in Sluice's own words, with the code that clients know for it. */
export async function answered<T>(
  { onUnexpected }: Pick<Asking, 'onUnexpected'>,
  where: string,
  answer: () => Promise<T>,
): Promise<T> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof McpError) throw error;
    if (!(error instanceof SluiceError)) onUnexpected(error, where);
    throw new McpError(ErrorCode.InvalidParams, describeError(error).message);
  }
}

/** Adds to what happens when the connection closes. */
export function onClose(server: Server, listener: () => void): void {
  const before = server.onclose;
  server.onclose = () => {
    before?.();
    listener();
  };
}
