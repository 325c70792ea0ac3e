import { createHttpApp } from '../../src/http/app.ts';
import { operations } from '../../src/operations/operations.ts';
import { operatorToken } from './http.ts';

/** Every route there is, as the application itself lists them. */
export const httpRoutes = createHttpApp({
  ...({} as Parameters<typeof createHttpApp>[0]),
  version: '0',
  operations,
  ending: new AbortController().signal,
  doors: { host: '127.0.0.1', allowedHosts: [], allowedOrigins: [] },
  oauth: { issuer: 'http://127.0.0.1:9', audience: 'sluice' },
  authentication: { token: operatorToken, required: true, verifiers: [] },
}).routes;
