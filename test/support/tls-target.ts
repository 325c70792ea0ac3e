import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** The certificate of the target below, for who is to trust it. */
export const certificateFile = join(import.meta.dirname, 'localhost.pem');

export interface TlsTarget {
  /** Of 127.0.0.1; the certificate is for the name `localhost` alone. */
  readonly port: number;
  readonly requests: () => number;
  readonly connections: () => number;
  close(): void;
}

/** Answers every request over TLS with 200 `{"ok": true}`, after a moment. */
export async function startTlsTarget(): Promise<TlsTarget> {
  const pem = readFileSync(certificateFile);
  let requests = 0;
  let connections = 0;
  const server = createServer({ key: pem, cert: pem }, (request, response) => {
    requests++;
    request.resume().on('end', () => {
      setTimeout(() => response.setHeader('content-type', 'application/json').end('{"ok":true}'), 5);
    });
  });
  server.on('secureConnection', () => {
    connections++;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests: () => requests,
    connections: () => connections,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
