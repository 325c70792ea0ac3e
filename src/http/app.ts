import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { serveApi } from './api/serve-api.ts';
import { type Authentication, authenticate } from './authenticate.ts';
import { serveOperations } from './batch-operations.ts';
import { answerPagesOf } from './cross-origin.ts';
import { cutStreams } from './cut-streams.ts';
import type { HttpEnvironment, HttpOptions } from './environment.ts';
import { type Doors, guard } from './guard.ts';
import { serveHealth } from './health.ts';
import { limitBody } from './limit-body.ts';
import { serveMcp } from './mcp-endpoint.ts';
import { serveMcpSessions } from './mcp-sessions.ts';
import { type MetricsText, serveMetrics } from './metrics-endpoint.ts';
import { type OAuth, serveMetadata } from './oauth.ts';
import { type PageFile, servePage } from './page.ts';
import { nothingHere, problemOf } from './problem.ts';
import { onlyPublished, servePublished } from './published-apis.ts';
import { type RateLimits, tellRateLimit } from './rate-limit.ts';
import { type RequestObserver, recordRequests } from './record-request.ts';
import { refuseEncoded } from './refuse-encoded.ts';
import { serveSse } from './sse-endpoint.ts';
import { admitTickets, openTickets } from './tickets.ts';

export interface AppOptions extends HttpOptions {
  readonly doors: Doors;
  readonly authentication: Omit<Authentication, 'onUnexpected'>;
  /** Whose tokens are taken besides Sluice's own. */
  readonly oauth?: OAuth | undefined;
  readonly observer: RequestObserver;
  readonly metrics: MetricsText;
  /** undefined: nobody has a limit. */
  readonly rateLimits?: RateLimits | undefined;
  readonly pageFile: PageFile;
}

/**
 * Everything that is reached over HTTP.
 *
 * In this order for every request: headers that protect, the name it was called by, who calls, how much it
 * brings; only then what it asks for. What stands before `authenticate` is open to everybody.
 */
export function createHttpApp(options: AppOptions): Hono<HttpEnvironment> {
  const { onUnexpected } = options;
  const app = new Hono<HttpEnvironment>();
  app.use(recordRequests(options.observer));
  app.use(
    secureHeaders({
      contentSecurityPolicy: { defaultSrc: ["'self'"], frameAncestors: ["'none'"], baseUri: ["'none'"] },
      strictTransportSecurity: false,
    }),
  );
  app.use(guard(options.doors));
  app.use(answerPagesOf(options.doors.allowedOrigins));
  serveHealth(app, options);
  servePage(app, options.pageFile);
  if (options.oauth !== undefined) serveMetadata(app, options.oauth);
  const tickets = openTickets();
  app.use(admitTickets(tickets));
  app.use(authenticate({ ...options.authentication, onUnexpected }));
  app.use(cutStreams());
  if (options.rateLimits !== undefined) app.use(tellRateLimit(options.rateLimits));
  app.use(onlyPublished(options));
  app.use(refuseEncoded());
  app.use(limitBody());

  serveMetrics(app, options.metrics);
  if (options.mcpSessions === true) serveMcpSessions(app, options);
  else serveMcp(app, options);
  serveSse(app, options);
  serveOperations(app, options);
  serveApi(app, options, tickets);

  // Behind everything of our own.
  servePublished(app, options);

  app.notFound(nothingHere);
  app.onError((error, c) => problemOf(c, error, onUnexpected));
  return app;
}
