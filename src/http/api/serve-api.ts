import type { Hono } from 'hono';
import { batchStates } from '../../operations/watch-batches.ts';
import type { HttpEnvironment, HttpOptions } from '../environment.ts';
import { notAllowed } from '../problem.ts';
import type { Tickets } from '../tickets.ts';
import { answerRoute } from './answer-route.ts';
import { BatchWatch } from './batch-watch.ts';
import { apiBase, type Route } from './route.ts';
import { routes } from './routes.ts';

/** The API for programs: every route of the table, and what else may be asked of their paths. */
export function serveApi(app: Hono<HttpEnvironment>, given: HttpOptions, tickets: Tickets): void {
  const watch = new BatchWatch({
    look: (owner, ids) => batchStates(given.context({ owner, signal: given.ending }), ids),
    ending: given.ending,
  });
  const options = { ...given, tickets, watch };
  for (const route of routes) {
    app.on(route.method.toUpperCase(), pathOf(route), (c) =>
      'operation' in route ? answerRoute(c, route, options) : route.handle(c, options),
    );
  }
  for (const [path, methods] of methodsByPath()) {
    app.all(path, (c) => notAllowed(c, methods.join(', ')));
  }
}

const pathOf = ({ path }: Route) => `${apiBase}${path.replace(/\{(\w+)\}/g, ':$1')}`;

function methodsByPath(): Map<string, string[]> {
  const known = new Map<string, string[]>();
  for (const route of routes) {
    const path = pathOf(route);
    const also = route.method === 'get' ? ['GET', 'HEAD'] : [route.method.toUpperCase()];
    known.set(path, [...(known.get(path) ?? []), ...also]);
  }
  return known;
}
