import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { HttpEnvironment } from './environment.ts';

/** One request that is over. Nothing of what it brought is in here: no query, no headers, no body. */
export interface EndedRequest {
  readonly method: string;
  /** The pattern of its address (`/api/v1/batches/:id`); `none`: nothing is there. */
  readonly route: string;
  /** 499: the caller left before there was an answer. */
  readonly status: number;
  /** Until the last byte had gone out. */
  readonly ms: number;
  /** null: the operator; undefined: it was not found out. */
  readonly owner: string | null | undefined;
  /** The answer was a stream of events, which lasts as long as its reader likes. */
  readonly isStream: boolean;
}

/** Told of requests, for logs and measurements. */
export interface RequestObserver {
  ended(request: EndedRequest): void;
  streamOpened(): void;
  streamClosed(): void;
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Tells of every request once it is over, however it was answered. */
export function recordRequests(observer: RequestObserver): MiddlewareHandler<HttpEnvironment> {
  return async (c, next) => {
    const beganAt = performance.now();
    const { outgoing } = c.env;
    // Before the handlers, whose own routes would come to stand in the way.
    const route = matchedRoutes(c).findLast(({ path }) => !/^\/?\*$/.test(path))?.path ?? 'none';
    let isStream = false;
    outgoing.once('close', () => {
      if (isStream) observer.streamClosed();
      observer.ended({
        method: methods.has(c.req.method) ? c.req.method : 'other',
        route: c.get('recordedAs') ?? route,
        status: outgoing.headersSent ? outgoing.statusCode : 499,
        ms: performance.now() - beganAt,
        owner: c.get('principal')?.owner,
        isStream,
      });
    });
    await next();
    isStream = c.req.method === 'GET' && isEndless(c.res.headers) && !outgoing.destroyed;
    if (isStream) observer.streamOpened();
  };
}

/** What has been sent past the framework, in answer to a GET, is a stream as well. */
const isEndless = (headers: Headers) =>
  headers.has('x-hono-already-sent') || headers.get('content-type')?.startsWith('text/event-stream') === true;
