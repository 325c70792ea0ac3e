import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, expect } from 'vitest';
import { test } from '../support/database.ts';
import { operatorToken, type Served, serve } from '../support/http.ts';

/** Its jobs wait for a person, so that their streams stay open. */
const flow = 'flow: waits\nversion: 1\nconfirm: human\ntarget: { connector: echo }\n';
const idleStreams = 500;
const slowConnections = 200;
const clients = 50;
const callsEach = 10;

let served: Served;
const sockets: Socket[] = [];
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await served?.stop();
});

const headers = { authorization: `Bearer ${operatorToken}` };

/** A connection that has sent this and goes no further. */
async function dangling(head: string): Promise<Socket> {
  const { hostname, port } = new URL(served.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  socket.write(head);
  return socket;
}

const streamOf = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: ${new URL(served.url).host}\r\nAuthorization: ${headers.authorization}\r\nAccept: text/event-stream\r\n\r\n`;

/** Milliseconds each of `count` calls took, one after the other over one connection. */
async function calls(path: string, count: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const { hostname, port } = new URL(served.url);
  const took: number[] = [];
  for (let n = 0; n < count; n++) {
    const beganAt = performance.now();
    const [answer] = (await once(
      httpRequest({ hostname, port, path, headers, agent }).end(),
      'response',
    )) as [IncomingMessage];
    await text(answer);
    if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}`);
    took.push(performance.now() - beganAt);
  }
  agent.destroy();
  return took;
}

async function openStreams(): Promise<number> {
  const found = await (await served.request('/metrics')).text();
  return Number(/^sluice_http_open_streams (\d+)$/m.exec(found)?.[1] ?? 0);
}

test('the API answers while hundreds read streams, send nothing, or send a byte now and then', async ({
  address,
}) => {
  served = await serve(address, { flows: { 'waits.yaml': flow } });
  const waiting = await served.json('/api/v1/batches', {
    method: 'POST',
    body: { flow_id: 'waits', records: [{ n: 1 }] },
  });
  const { host } = new URL(served.url);
  const slowHead = `POST /api/v1/batches HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `;
  const slowBody = `POST /api/v1/batches HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${headers.authorization}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`;

  await Promise.all([
    ...Array.from({ length: idleStreams / 2 }, () => dangling(streamOf('/sse'))),
    ...Array.from({ length: idleStreams / 2 }, () =>
      dangling(streamOf(`/api/v1/batches/${waiting.batch_job_id}/events`)),
    ),
    ...Array.from({ length: slowConnections }, (_, n) => dangling(n % 2 === 0 ? slowHead : slowBody)),
  ]);
  await expect.poll(openStreams, { timeout: 10_000 }).toBe(idleStreams);
  const dripping = setInterval(() => {
    for (const socket of sockets.slice(idleStreams)) if (!socket.destroyed) socket.write('x');
  }, 200);
  const took = (
    await Promise.all(Array.from({ length: clients }, () => calls('/api/v1/batches', callsEach)))
  ).flat();
  const health = await calls('/healthz', 20);
  clearInterval(dripping);
  const stillOpen = await openStreams();
  for (const socket of sockets) socket.destroy();

  const sorted = took.sort((a, b) => a - b);
  expect(sorted[Math.floor(sorted.length * 0.95)]).toBeLessThan(1000);
  expect(Math.max(...health)).toBeLessThan(500);
  expect(stillOpen).toBe(idleStreams);
  await expect.poll(openStreams, { timeout: 5000 }).toBe(0);
});
