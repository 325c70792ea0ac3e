import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { assemble, type Sluice } from './assemble.ts';
import type { Config, HttpConfig } from './config.ts';
import { type Log, nameOf } from './engine/log.ts';
import { createHttpApp } from './http/app.ts';
import type { Verifier } from './http/authenticate.ts';
import type { HttpCall } from './http/environment.ts';
import { listen } from './http/listen.ts';
import { metadataUrl, oauthVerifier } from './http/oauth.ts';
import { createRateLimits, type RateLimits } from './http/rate-limit.ts';
import type { RequestObserver } from './http/record-request.ts';
import { createMetrics } from './metrics.ts';
import { tokenDigest } from './operations/access-tokens.ts';
import type { OpenedSluice } from './operations/context.ts';
import { operations } from './operations/operations.ts';
import { pageFile } from './page-files.ts';
import { findToken } from './store/access-tokens.ts';
import { type Measurements, measure, probe } from './store/measurements.ts';
import { version } from './version.ts';

/** How long the database may take to answer and still count as ready, in milliseconds. */
const readyMs = 2000;

/** Asked for every few seconds by machines, which nobody wants to read about. */
const quietRoutes = new Set(['/healthz', '/readyz', '/metrics']);

/** A server that takes requests. */
export interface Serving {
  readonly url: string;
  readonly sluice: Sluice;
  /** Takes no more requests, ends what streams, and hands back what runs; after about twice `graceMs` at the latest. */
  close(graceMs: number): Promise<void>;
}

/** Puts together everything that is reached over HTTP, and listens. */
export async function serveHttp(config: Config, log: Log): Promise<Serving> {
  const { http } = config;
  const metrics = createMetrics(() => measured(() => sluice.open()));
  const sluice = assemble(config, log, undefined, metrics.observer);
  const rateLimits = http.rateLimit && createRateLimits(http.rateLimit);
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  const app = createHttpApp({
    version,
    operations,
    context: (call) => ({
      ...sluice.context({ ...call, isRemote: true, actor: `${call.owner ?? 'the operator'} over HTTP` }),
      spend: spender(call, rateLimits),
      ending: ending.signal,
    }),
    observer: observers(metrics.requests, log),
    metrics,
    rateLimits,
    mcpSessions: http.mcpSessions,
    pageFile,
    batchView: pageFile('chat-view.html'),
    onUnexpected: (error, where) => log.error({ where, error: nameOf(error) }, 'unexpected error'),
    isReady: () => answers(sluice),
    ending: ending.signal,
    doors: http,
    oauth: http.oauth,
    authentication: {
      token: http.token,
      required: http.token !== undefined || http.oauth !== undefined,
      verifiers: verifiersOf(http, sluice),
      metadataUrl: http.oauth && metadataUrl,
    },
  });
  const listener = await listen(app, http.host, http.port);
  return {
    url: listener.url,
    sluice,
    async close(graceMs) {
      ending.abort();
      await listener.close(graceMs);
      await sluice.close(graceMs);
    },
  };
}

function verifiersOf({ oauth }: HttpConfig, sluice: Sluice): Verifier[] {
  const known: Verifier = async (token) => {
    const { db } = await sluice.open();
    const holder = await findToken(db, tokenDigest(token));
    if (holder === undefined) return undefined;
    const { owner, flowName } = holder;
    return { owner, ...(flowName === null ? {} : { flowName }) };
  };
  return oauth === undefined ? [known] : [known, oauthVerifier(oauth)];
}

/** The operator may start what they like. */
function spender({ owner }: HttpCall, limits: RateLimits | undefined) {
  if (owner === null || limits === undefined) return undefined;
  return (records: number) => limits.spend(owner, records);
}

function observers(measuring: RequestObserver, log: Log): RequestObserver {
  return {
    ...measuring,
    ended(request) {
      measuring.ended(request);
      if (quietRoutes.has(request.route)) return;
      const { method, route, status, ms, owner } = request;
      const who = owner === undefined ? {} : { owner: owner ?? 'operator' };
      log.info({ method, route, status, ms: Math.round(ms), ...who }, 'request');
    },
  };
}

/** undefined: the database does not answer in time. */
async function measured(open: () => Promise<OpenedSluice>): Promise<Measurements | undefined> {
  try {
    const measuring = open().then(({ db }) => measure(db, readyMs));
    const late = sleep(readyMs, undefined, { ref: false });
    return await Promise.race([measuring, late]);
  } catch {
    return undefined;
  }
}

async function answers(sluice: Sluice): Promise<boolean> {
  try {
    const { db } = await sluice.open();
    await probe(db, readyMs);
    return true;
  } catch {
    return false;
  }
}
