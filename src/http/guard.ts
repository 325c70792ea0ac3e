import { hostname, networkInterfaces } from 'node:os';
import type { MiddlewareHandler } from 'hono';
import type { HttpEnvironment } from './environment.ts';
import { problem } from './problem.ts';

export interface Doors {
  /** What the server is bound to. */
  readonly host: string;
  /** Names it is called by besides. */
  readonly allowedHosts: readonly string[];
  /** Origins of pages that may call it, besides its own. */
  readonly allowedOrigins: readonly string[];
}

const loopback = ['localhost', '127.0.0.1', '[::1]'];
const anyAddress = ['0.0.0.0', '::'];

/** Names of this machine alone can be bound to without a token. */
export const isLoopback = (host: string) =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/**
 * Turns away requests under a name that is not the server's, against DNS rebinding, and those of pages from
 * elsewhere, against forged requests. Browsers name the page in `Origin`; whoever else calls has none.
 */
export function guard(doors: Doors): MiddlewareHandler<HttpEnvironment> {
  const names = new Set([...namesOf(doors.host), ...doors.allowedHosts].map((name) => name.toLowerCase()));
  const origins = new Set(doors.allowedOrigins.map((origin) => origin.toLowerCase()));
  return async (c, next) => {
    const host = c.req.header('host')?.toLowerCase() ?? '';
    if (!names.has(host) && !names.has(withoutPort(host))) {
      return problem(
        c,
        403,
        'host_not_allowed',
        'The server is not called by this name. SLUICE_ALLOWED_HOSTS adds names.',
      );
    }
    const origin = c.req.header('origin')?.toLowerCase();
    if (origin === undefined || origins.has(origin) || hostOf(origin) === host) return next();
    return problem(
      c,
      403,
      'origin_not_allowed',
      'Pages of this origin may not call the server. SLUICE_ALLOWED_ORIGINS adds origins.',
    );
  };
}

function namesOf(host: string): string[] {
  if (!anyAddress.includes(host)) return [...loopback, bracketed(host)];
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return [...loopback, hostname(), ...addresses.map(({ address }) => bracketed(address))];
}

const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address);

const withoutPort = (host: string) => host.replace(/:\d{1,5}$/, '');

/** Host and port of an origin; undefined: it is none of HTTP. */
function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
}
