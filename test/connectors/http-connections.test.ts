import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import PQueue from 'p-queue';
import { buildConnector } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { HttpConnections } from '../../src/connectors/http-connections.ts';
import { exchange, NoAnswer } from '../../src/connectors/http-exchange.ts';

/** A target that answers after a moment, and all connections that were ever made to it. */
async function startTarget() {
  const connected: Socket[] = [];
  const server = createServer((request, response) => {
    request.resume();
    setTimeout(() => response.end('{}'), 2);
  });
  server.on('connection', (socket) => connected.push(socket));
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.closeAllConnections());
  onTestFinished(() => void server.close());
  return { connected, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const connect = buildConnector({});
const { signal } = new AbortController();
const call = async (connections: HttpConnections, timeoutMs = 5000) => {
  const request = { method: 'POST', path: '/', headers: [], body: '{}' } as const;
  const { status } = await exchange(connections, { ...request, headers: [] }, timeoutMs, signal);
  return status;
};

test('there are as many connections as calls at once, however many follow each other', async () => {
  const { connected, url } = await startTarget();
  const connections = new HttpConnections(url, connect);
  const queue = new PQueue({ concurrency: 3 });

  const statuses = await queue.addAll(Array.from({ length: 60 }, () => () => call(connections)));
  await connections.close();

  expect(statuses).toEqual(Array(60).fill(200));
  expect(connected).toHaveLength(3);
});

test('a call that waits for its connection in vain holds up no other, and the connection serves later ones', async () => {
  const { connected, url } = await startTarget();
  let giveUp = () => {};
  let attempts = 0;
  const connections = new HttpConnections(url, (options, done) => {
    attempts++;
    if (attempts > 1) return connect(options, done);
    giveUp = () => done(new Error('nobody is there'), null);
  });

  const lost = await call(connections, 20).catch((error: unknown) => error);
  const meanwhile = await call(connections);
  giveUp();
  const later = await Promise.all([call(connections), call(connections)]);
  await connections.close();

  expect(lost).toBeInstanceOf(NoAnswer);
  expect((lost as NoAnswer).sent).toBe(false);
  expect([meanwhile, ...later]).toEqual([200, 200, 200]);
  expect(connected).toHaveLength(2);
  expect(attempts).toBe(3);
});

test('what is under way is cut by the close, and what comes later fails and connects to nothing', async () => {
  const { connected, url } = await startTarget();
  const connections = new HttpConnections(url, connect);
  await call(connections);
  const underWay = [call(connections), call(connections)].map((each) => each.catch(String));

  const unused = new HttpConnections(url, connect);
  await Promise.all([connections.close(), unused.close()]);
  const later = [call(connections), call(connections), call(unused)].map((each) => each.catch(String));

  expect(await Promise.all([...underWay, ...later])).toEqual(
    Array(5).fill(expect.stringMatching('no answer')),
  );
  expect(connected.length).toBeLessThanOrEqual(2);
});
