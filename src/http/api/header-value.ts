import type { Context } from 'hono';

/** A header without the quotation marks that those of structured fields and entity tags come in. */
export function headerValue(c: Context, name: string): string | undefined {
  const value = c.req.header(name);
  return value === undefined ? undefined : (/^(?:W\/)?"([^"]*)"$/.exec(value)?.[1] ?? value);
}

export const idempotencyKeyOf = (c: Context): string | undefined => headerValue(c, 'Idempotency-Key');
