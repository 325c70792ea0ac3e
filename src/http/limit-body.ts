import type { MiddlewareHandler } from 'hono';
import type { HttpEnvironment } from './environment.ts';
import { problem } from './problem.ts';

/** What a request may bring, in bytes; uploads are streamed, and MCP has a limit of its own. */
const bytesAtMost = 16 * 1024 * 1024;
const ownLimits = /^\/(mcp|messages|api\/v1\/uploads)(\/|$)/;

/** Turns away requests that bring too much, also those that do not say how much. */
export function limitBody(): MiddlewareHandler<HttpEnvironment> {
  return async (c, next) => {
    if (ownLimits.test(c.req.path)) return next();
    const declared = c.req.header('content-length');
    if (Number(declared ?? 0) > bytesAtMost) return tooLarge(c);
    if (declared !== undefined || c.req.header('transfer-encoding') === undefined) return next();
    const body = await wholeBody(c.req.raw);
    if (body === undefined) return tooLarge(c);
    const { method, headers, signal } = c.req.raw;
    c.req.raw = new Request(c.req.url, { method, headers, signal, ...(c.req.raw.body && { body }) });
    return next();
  };
}

/** undefined: it is larger than a body may be. */
async function wholeBody({ body }: Request): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body ?? []) {
    bytes += piece.length;
    if (bytes > bytesAtMost) return undefined;
    pieces.push(piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

const tooLarge = (c: Parameters<typeof problem>[0]) =>
  problem(
    c,
    413,
    'body_too_large',
    `A request holds ${bytesAtMost} bytes at most. Larger files go to POST /api/v1/uploads, and the batch names the upload.`,
  );
