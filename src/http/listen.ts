import { createServer, type Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { SluiceError } from '../domain/sluice-error.ts';
import type { HttpEnvironment } from './environment.ts';

/** A client gets this long to say what it wants, in milliseconds, and this long to send all of it. */
const headersMs = 15_000;
const requestMs = 10 * 60_000;
const connectionsAtMost = 2000;
const headerBytes = 32 * 1024;

export interface Listener {
  /** Where it is reached, such as `http://127.0.0.1:7411`. */
  readonly url: string;
  /** Takes no more requests, and resolves when those under way are answered, or after about `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** @throws SluiceError when the address cannot be had. */
export async function listen(app: Hono<HttpEnvironment>, host: string, port: number): Promise<Listener> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    createServer,
    serverOptions: {
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: 2000,
      maxHeaderSize: headerBytes,
    },
    // Elsewhere in the process `Request` and `Response` stay those of Node.
    overrideGlobalObjects: false,
  }) as Server;
  server.maxConnections = connectionsAtMost;
  await begin(server, host, port);
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: (graceMs) => end(server, graceMs),
  };
}

function begin(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE' ? 'another program listens there' : (error.code ?? 'unknown reason');
      const message = `${host}:${port} cannot be listened on (${why}). SLUICE_PORT or --port names another port.`;
      reject(new SluiceError('invalid_configuration', message));
    });
    server.listen(port, host, resolve);
  });
}

function end(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
