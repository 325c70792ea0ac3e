import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import { Agent, fetch, Response } from 'undici';
import { watchAbort } from './abort-watch.ts';
import { guardedConnector } from './address-guard.ts';
import { cappedBody, cappedEvents } from './mcp-http-body.ts';

/** What is kept of an answer outside 2xx. */
const maxComplaintBytes = 16 * 1024;
/** At least so long before going on with a stream that broke, whatever the server asks for. */
const resumePauseMs = 500;

/** The server answered a message with a status outside 2xx. */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;

  constructor(status: number, headers: Readonly<Record<string, string>>, body: string) {
    super(`status ${status}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  /** The server has forgotten the session. By the specification it says 404; some say 400. */
  get sessionLost(): boolean {
    return this.status === 404 || (this.status === 400 && /session/i.test(this.body));
  }
}

/** The `fetch` of one transport: on guarded connections, with bounded answers, and calls that can be cut. */
export class McpFetch {
  readonly #agent: Agent;
  /** The request that a `fetch` is for. */
  readonly #request = new AsyncLocalStorage<RequestId>();
  readonly #underWay = new Map<RequestId, AbortController>();
  #listening = false;

  constructor(allowPrivate: boolean) {
    this.#agent = new Agent({
      connect: guardedConnector(allowPrivate),
      // Calls have deadlines; these only know of silence.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Notes that what `send` fetches is the answer to the request `id`. */
  during<T>(id: RequestId, send: () => Promise<T>): Promise<T> {
    return this.#request.run(id, send);
  }

  /** Ends the exchange of a request, which would otherwise wait for its answer for ever. */
  cut(id: RequestId): void {
    this.#underWay.get(id)?.abort();
  }

  async destroy(): Promise<void> {
    await this.#agent.destroy();
  }

  /** For the transport, which sends messages (POST), listens (GET) and says goodbye (DELETE). */
  readonly fetch: FetchLike = async (url, init = {}) => {
    const { method } = init;
    const answer =
      method === 'POST'
        ? this.#post(url, init)
        : method === 'GET'
          ? this.#listen(url, init)
          : this.#send(url, init);
    // The SDK is typed for the `Response` of Node, which is another copy of the same one.
    return (await answer) as unknown as globalThis.Response;
  };

  async #post(url: string | URL, init: RequestInit): Promise<Response> {
    const id = this.#request.getStore();
    const own = new AbortController();
    const unwatch = watchAbort(signalOf(init), () => own.abort());
    const done = () => {
      unwatch();
      if (id !== undefined) this.#underWay.delete(id);
    };
    if (id !== undefined) this.#underWay.set(id, own);
    let streaming = false;
    try {
      const answer = await this.#send(url, { ...init, signal: own.signal });
      const { status, headers, body } = answer;
      if (status >= 400) throw await refusalOf(answer);
      if (body === null) return answer;
      streaming = id !== undefined && isEvents(answer);
      const content =
        streaming && id !== undefined
          ? cappedEvents(body, { id, signal: own.signal, done })
          : await cappedBody(answer);
      return new Response(content, { status, headers });
    } finally {
      if (!streaming) done();
    }
  }

  async #listen(url: string | URL, init: RequestInit): Promise<Response> {
    const resumes = new Headers(init.headers).has('last-event-id');
    // A server that ends the stream at once again and again would otherwise be asked for it for ever.
    if (this.#listening && !resumes) return new Response(null, { status: 405 });
    this.#listening = true;
    if (resumes) await wait(resumePauseMs, undefined, { signal: signalOf(init) });
    const answer = await this.#send(url, init);
    const { status, headers, body, ok } = answer;
    return body === null || !ok ? answer : new Response(cappedEvents(body, undefined), { status, headers });
  }

  #send(url: string | URL, init: RequestInit): Promise<Response> {
    return fetch(url, {
      method: init.method ?? 'GET',
      headers: Object.fromEntries(new Headers(init.headers)),
      body: (init.body ?? null) as string | null,
      redirect: 'manual',
      signal: signalOf(init),
      dispatcher: this.#agent,
    });
  }
}

function signalOf({ signal }: RequestInit): AbortSignal {
  return signal ?? new AbortController().signal;
}

function isEvents({ headers }: Response): boolean {
  return /^\s*text\/event-stream\b/i.test(headers.get('content-type') ?? '');
}

async function refusalOf(answer: Response): Promise<HttpRefusal> {
  const said = await cappedBody(answer, maxComplaintBytes, 'cut').catch(() => Buffer.alloc(0));
  return new HttpRefusal(answer.status, Object.fromEntries(answer.headers), said.toString('utf8'));
}
