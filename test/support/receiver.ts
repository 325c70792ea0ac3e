import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { JsonObject } from '../../src/domain/json.ts';

/** A callback as its receiver got it. */
export interface Received {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  /** As it was signed. */
  readonly body: string;
  readonly event: { readonly type: string; readonly data: JsonObject } & JsonObject;
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  close(): Promise<void>;
}

/** What a receiver answers; undefined: nothing at all. */
export type ReceiverAnswer = { readonly status: number; readonly retryAfter?: string } | undefined;

/** Takes callbacks on loopback; `answer` may do something before it says how each is answered. */
export async function startReceiver(
  answer: (got: Received, count: number) => ReceiverAnswer | Promise<ReceiverAnswer> = () => ({
    status: 204,
  }),
): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const { headers } = request;
    const got = { id: String(headers['webhook-id']), headers, body, event: JSON.parse(body) };
    received.push(got);
    const said = await answer(got, received.length);
    if (said === undefined) return;
    const { status, retryAfter } = said;
    response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/s3cret?key=1`,
    received,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
