import type { MiddlewareHandler } from 'hono';
import type { HttpEnvironment, Principal } from './environment.ts';

/** How often the token of an answer that is still being read is looked at, in milliseconds. */
const lookMs = 10_000;

/** Ends streams and downloads soon after the token they were asked for with is revoked or expires. */
export function cutStreams(): MiddlewareHandler<HttpEnvironment> {
  return async (c, next) => {
    const { holds } = c.get('principal');
    if (holds !== undefined && c.req.method === 'GET') {
      const { outgoing } = c.env;
      const looking = setInterval(async () => {
        if (!(await isHeld(holds))) outgoing.destroy();
      }, lookMs).unref();
      outgoing.once('close', () => clearInterval(looking));
    }
    await next();
  };
}

/** Where nobody can tell at present, the stream goes on. */
async function isHeld(holds: NonNullable<Principal['holds']>): Promise<boolean> {
  try {
    return await holds();
  } catch {
    return true;
  }
}
