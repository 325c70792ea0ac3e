import { isWrite } from './call-failure.ts';
import type { WireAnswer, WireRequest } from './http-exchange.ts';

export const maxRedirects = 3;

/** 304 answers a condition, and leads nowhere. */
export const isRedirect = (status: number): boolean => status >= 300 && status < 400 && status !== 304;

/**
 * The path a redirect leads to, or undefined when it is not followed.
 *
 * Only inside the connector's own origin, so credentials never travel; and a request that writes is sent
 * again only where the target asks for exactly that (307, 308).
 */
export function redirectedPath(
  answer: Pick<WireAnswer, 'status' | 'headers'>,
  request: Pick<WireRequest, 'method' | 'path'>,
  origin: string,
): string | undefined {
  const { location } = answer.headers;
  const again = answer.status === 307 || answer.status === 308;
  const reread = [301, 302, 303].includes(answer.status) && !isWrite(request.method);
  if (location === undefined || !(again || reread)) return undefined;

  const from = origin + request.path;
  const to = URL.canParse(location, from) ? new URL(location, from) : undefined;
  if (to === undefined || to.origin !== origin || to.username !== '' || to.password !== '') return undefined;
  return to.pathname + to.search;
}
