import type { Hono } from 'hono';
import type { HttpEnvironment } from './environment.ts';
import { notAllowed, nothingHere } from './problem.ts';

/** What has been measured, in the form Prometheus reads. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Tells what all owners do together, so it is the operator's alone; for others there is nothing here. */
export function serveMetrics(app: Hono<HttpEnvironment>, metrics: MetricsText): void {
  app.all('/metrics', async (c) => {
    const { owner, flowName } = c.get('principal');
    if (owner !== null || flowName !== undefined) return nothingHere(c);
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return notAllowed(c, 'GET, HEAD');
    return c.body(await metrics.text(), 200, {
      'content-type': metrics.contentType,
      'cache-control': 'no-store',
    });
  });
}
