import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { onTestFinished } from 'vitest';

/** A server of files on loopback, and what it was asked for. */
export interface FileServer {
  readonly url: string;
  readonly asked: readonly IncomingMessage[];
}

/** Answers as the listener says, until the test ends. */
export async function serveFiles(listener: RequestListener): Promise<FileServer> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    listener(request, response);
  });
  const url = await listening(server);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url, asked };
}

/** Answers every connection with the same bytes, whatever HTTP has to say to them, and ends it. */
export async function serveBytes(...lines: readonly string[]): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {}).once('data', () => socket.end(lines.join('\r\n')));
  });
  onTestFinished(() => void server.close());
  return listening(server);
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
