import type { MiddlewareHandler } from 'hono';
import type { HttpEnvironment } from './environment.ts';

/** Of one message of MCP, in bytes; the SDK holds those to it that do not say how large they are. */
const messageBytes = 4 * 1024 * 1024;

/** Turns large messages away in the protocol's own form, and says where large data goes. */
export const limitMessage: MiddlewareHandler<HttpEnvironment> = async (c, next) => {
  if (Number(c.req.header('content-length') ?? 0) <= messageBytes) return next();
  const message = `Payload too large: a message holds ${messageBytes} bytes at most. Send the file to POST /api/v1/uploads and give start_batch its upload_id as source.`;
  return c.json({ jsonrpc: '2.0', error: { code: -32000, message }, id: null }, 413);
};
