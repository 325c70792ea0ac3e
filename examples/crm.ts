/**
 * A small CRM to import into: its own rules, its own troubles, and nothing of Sluice.
 *
 * `npx tsx examples/crm.ts [port]` starts it alone; `startCrm` starts it inside another program.
 */
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Airports, type Answer } from './crm/airports.ts';

export interface CrmOptions {
  /** Default: any free port. */
  readonly port?: number;
  /** Bearer token the CRM asks for. Default: `example-token`. */
  readonly token?: string;
  /** Decides which airports meet troubles. Default: 1. */
  readonly seed?: number;
  /** How long a call takes, in milliseconds. Default: 20. */
  readonly latencyMs?: number;
}

export interface Crm {
  readonly url: string;
  readonly airports: Airports;
  close(): Promise<void>;
}

/** Starts the CRM on loopback. */
export async function startCrm(options: CrmOptions = {}): Promise<Crm> {
  const { port = 0, token = 'example-token', seed = 1, latencyMs = 20 } = options;
  const airports = new Airports(seed);

  const server = createServer(async (request, response) => {
    try {
      const body = await readBody(request);
      await pause(latencyMs);
      send(
        response,
        request.headers.authorization === `Bearer ${token}` ? route(request, body, airports) : unauthorized,
      );
    } catch {
      // The caller hung up half-way.
      response.destroy();
    }
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    airports,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const unauthorized: Answer = { status: 401, body: { message: 'a bearer token is needed' } };

function route(request: IncomingMessage, body: unknown, airports: Airports): Answer {
  const airport = /^\/api\/airports\/([^/?]+)$/.exec(request.url ?? '')?.[1];
  if (request.method === 'DELETE' && airport !== undefined)
    return airports.remove(decodeURIComponent(airport));
  switch (`${request.method} ${request.url}`) {
    case 'POST /api/airports':
      return airports.create(body, request.headers['idempotency-key']?.toString());
    case 'GET /api/airports/count':
      return { status: 200, body: { count: airports.created.size } };
    case 'POST /maintenance/end':
      airports.endMaintenance();
      return { status: 200, body: { message: 'maintenance is over' } };
    default:
      return { status: 404, body: { message: 'there is nothing here' } };
  }
}

/** The body as JSON; undefined when it is none. */
async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = '';
  request.setEncoding('utf8');
  for await (const piece of request) text += String(piece);
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** Runs the CRM for flows of your own, until Ctrl-C. */
async function runAlone(): Promise<void> {
  const token = process.env.CRM_TOKEN ?? 'example-token';
  const crm = await startCrm({ port: Number(process.argv[2] ?? 4010), token });
  console.log(`The example CRM is at ${crm.url} (bearer token: ${token}).`);
  console.log('  POST /api/airports         {code, name, city, state?, country?, latitude, longitude}');
  console.log('  DELETE /api/airports/ID    takes one out again');
  console.log('  GET  /api/airports/count   how many it holds');
  console.log('  POST /maintenance/end      lets the airports in maintenance through');
}

const startedFile = process.argv[1];
if (startedFile !== undefined && realpathSync(startedFile) === import.meta.filename) await runAlone();
