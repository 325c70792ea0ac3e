import type { MiddlewareHandler } from 'hono';
import type { HttpEnvironment } from './environment.ts';
import { problem } from './problem.ts';

/** Turns compressed bodies away: as text they are not valid, and a file would be kept as the bytes it is not. */
export function refuseEncoded(): MiddlewareHandler<HttpEnvironment> {
  return async (c, next) => {
    const encoding = c.req.header('content-encoding')?.trim().toLowerCase() ?? 'identity';
    if (encoding === 'identity' || encoding === '' || c.req.raw.body === null) return next();
    const words = 'The body has to be sent as it is, without Content-Encoding. Nothing was changed.';
    return problem(c, 415, 'unsupported_media_type', words, { 'accept-encoding': 'identity' });
  };
}
