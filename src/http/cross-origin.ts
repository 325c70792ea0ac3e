import type { MiddlewareHandler } from 'hono';
import type { HttpEnvironment } from './environment.ts';

const methods = 'GET, HEAD, POST, PUT, PATCH, DELETE';
/** What answers say in their heads that a program decides by. */
const exposed = [
  'ETag',
  'Location',
  'Mcp-Session-Id',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Retry-After',
  'WWW-Authenticate',
].join(', ');
/** How long a browser may remember what it has asked beforehand, in seconds. */
const rememberedFor = '600';

/**
 * Has browsers hand answers to the pages of these origins, and says beforehand that they will. Nothing is sent by a
 * browser of its own accord: there are no cookies, and pages bring a token like everybody else.
 */
export function answerPagesOf(origins: readonly string[]): MiddlewareHandler<HttpEnvironment> {
  const allowed = new Set(origins.map((origin) => origin.toLowerCase()));
  return async (c, next) => {
    const origin = c.req.header('origin');
    if (origin === undefined || !allowed.has(origin.toLowerCase())) return next();
    // Also for what is answered past the framework.
    const { outgoing } = c.env;
    outgoing.setHeader('access-control-allow-origin', origin);
    outgoing.setHeader('access-control-expose-headers', exposed);
    outgoing.setHeader('vary', 'Origin');
    if (c.req.method !== 'OPTIONS' || c.req.header('access-control-request-method') === undefined)
      return next();
    return c.body(null, 204, {
      'access-control-allow-methods': methods,
      'access-control-allow-headers': c.req.header('access-control-request-headers') ?? '',
      'access-control-max-age': rememberedFor,
    });
  };
}
