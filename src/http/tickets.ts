import { randomBytes } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { tokenDigest } from '../operations/access-tokens.ts';
import type { HttpEnvironment, Principal } from './environment.ts';
import { problem } from './problem.ts';

/** How long a ticket is good for, in seconds. */
export const ticketSeconds = 30;
/** Tickets that nobody has used yet. */
const ticketsAtMost = 10_000;

interface Ticket {
  readonly principal: Principal;
  readonly path: string;
  readonly until: number;
}

/** Passes for one request to one path, for readers that cannot send a header. They are good in this process only. */
export interface Tickets {
  /** undefined: too many wait to be used. */
  issue(principal: Principal, path: string): string | undefined;
  /** Uses a ticket up, whether or not it fits. */
  redeem(ticket: string, path: string): Principal | undefined;
}

export function openTickets(): Tickets {
  // By their digests: who reads the memory of a process finds no ticket. The oldest stand first.
  const waiting = new Map<string, Ticket>();
  return {
    issue(principal, path) {
      for (const [digest, { until }] of waiting) {
        if (until > performance.now()) break;
        waiting.delete(digest);
      }
      if (waiting.size >= ticketsAtMost) return undefined;
      const ticket = randomBytes(32).toString('base64url');
      const until = performance.now() + ticketSeconds * 1000;
      waiting.set(tokenDigest(ticket), { principal, path, until });
      return ticket;
    },
    redeem(ticket, path) {
      const digest = tokenDigest(ticket);
      const found = waiting.get(digest);
      waiting.delete(digest);
      const isGood = found !== undefined && found.until > performance.now() && found.path === path;
      return isGood ? found.principal : undefined;
    },
  };
}

const guarded = /^\/(api\/v1|mcp|sse|messages|batch)(\/|$)/;

/** Lets a ticket stand for a token, and turns away tokens in an address, where they end up in logs. */
export function admitTickets(tickets: Tickets): MiddlewareHandler<HttpEnvironment> {
  return async (c, next) => {
    if (!guarded.test(c.req.path)) return next();
    if (c.req.query('token') !== undefined || c.req.query('access_token') !== undefined) {
      return problem(
        c,
        400,
        'token_in_query',
        'A token in an address ends up in logs: send it as Authorization: Bearer TOKEN. For an EventSource, POST /api/v1/tickets gives a ticket for one request.',
      );
    }
    const ticket = c.req.query('ticket');
    if (ticket === undefined || c.req.method !== 'GET') return next();
    const principal = tickets.redeem(ticket, c.req.path);
    if (principal !== undefined) c.set('principal', principal);
    return next();
  };
}
