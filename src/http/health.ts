import type { Hono } from 'hono';
import type { HttpEnvironment, HttpOptions } from './environment.ts';
import { notAllowed } from './problem.ts';

/** Probes for whoever watches over the process; open to everybody, so they tell nothing else. */
export function serveHealth(app: Hono<HttpEnvironment>, { isReady, ending }: HttpOptions): void {
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    const ready = !ending.aborted && (await isReady());
    return ready ? c.json({ status: 'ready' }) : c.json({ status: 'not ready' }, 503);
  });
  for (const path of ['/healthz', '/readyz']) app.all(path, (c) => notAllowed(c, 'GET, HEAD'));
}
