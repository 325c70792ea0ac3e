import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { CallLimits } from '../../src/connectors/call-limits.ts';
import type { HttpSettings } from '../../src/connectors/connectors-file.ts';
import { type HttpFiles, openHttpFiles } from '../../src/connectors/http-files.ts';
import { Secret } from '../../src/connectors/secret.ts';
import { type Failure, RecordFailure } from '../../src/domain/failure.ts';
import { serveBytes, serveFiles } from '../support/file-server.ts';

const rows = 'id,name\n1,Ada\n';

function openFiles(url: string, settings: Partial<HttpSettings> = {}, limits?: CallLimits): HttpFiles {
  const token = new Secret('S3CR3T-token');
  return openHttpFiles({
    settings: {
      type: 'http',
      name: 'crm',
      origin: url,
      prefix: '',
      headers: { 'X-Team': 'ops' },
      timeoutMs: 1000,
      allowPrivate: true,
      ...settings,
    },
    credentials: {
      header: 'authorization',
      value: new Secret(`Bearer ${token.reveal()}`),
      secrets: [token],
    },
    userAgent: 'sluice',
    allowPrivateHosts: false,
    ...(limits === undefined ? {} : { limits }),
  });
}

const never = () => new AbortController().signal;

async function textOf(files: HttpFiles, url: string, signal = never()): Promise<string> {
  return files.fetch(new URL(url), signal, async ({ content }) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  });
}

async function failureOf(files: HttpFiles, url: string): Promise<Failure> {
  const error = await textOf(files, url).then(
    (text) => new Error(`came: ${text}`),
    (reason: unknown) => reason,
  );
  if (error instanceof RecordFailure) return error.failure;
  throw error;
}

test('a file is asked for with the headers and the credentials of the connector, query and all', async () => {
  const server = await serveFiles((_, response) => response.end(rows));

  expect(await textOf(openFiles(server.url), `${server.url}/exports/a%20b.csv?since=1&x=%26`)).toBe(rows);

  const [asked] = server.asked;
  expect(asked?.url).toBe('/exports/a%20b.csv?since=1&x=%26');
  expect(asked?.headers).toMatchObject({
    host: new URL(server.url).host,
    authorization: 'Bearer S3CR3T-token',
    'x-team': 'ops',
    'user-agent': 'sluice',
  });
});

test.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
])('a file packed with %s is unpacked while it comes', async (encoding, pack) => {
  const server = await serveFiles((_, response) =>
    response.writeHead(200, { 'content-encoding': encoding }).end(pack(rows)),
  );

  expect(await textOf(openFiles(server.url), `${server.url}/a.csv`)).toBe(rows);
});

test('what reads no further is not sent the rest, so a bomb costs no memory', async () => {
  const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
  const server = await serveFiles((_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
  );
  const before = process.memoryUsage().rss;

  const bytes = await openFiles(server.url).fetch(new URL(server.url), never(), async ({ content }) => {
    let read = 0;
    for await (const piece of content) {
      read += piece.length;
      if (read > 1_000_000) break;
    }
    return read;
  });

  expect(bytes).toBeLessThan(2_000_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
});

test.each([
  ['gzip', 'not packed'],
  ['constructor', 'not packed'],
  ['gzip', gzipSync(rows).subarray(0, 20)],
  ['br', 'not packed'],
  ['compress', 'anything'],
])('a body that is not packed with %s as it says is refused', async (encoding, body) => {
  const server = await serveFiles((_, response) =>
    response.writeHead(200, { 'content-encoding': encoding }).end(body),
  );

  const failure = await failureOf(openFiles(server.url), `${server.url}/a.csv`);

  expect(failure).toMatchObject({ code: 'response_invalid', connector: 'crm' });
  expect(failure.message).toContain(`GET /a.csv with a body that cannot be unpacked`);
});

test('a file that is shorter than announced is not whole', async () => {
  const url = await serveBytes('HTTP/1.1 200 OK', 'content-length: 100', '', rows);

  expect(await failureOf(openFiles(url), `${url}/a.csv`)).toMatchObject({
    code: 'connection_reset',
    message: 'crm cut the connection in the middle of its answer to GET /a.csv, so the file is not whole',
  });
});

test.each(['connection: keep-alive', 'connection: close'])(
  'a file that is longer than announced has no end that could be known; %s',
  async (connection) => {
    const url = await serveBytes('HTTP/1.1 200 OK', connection, 'content-length: 7', '', rows);

    const failure = await failureOf(openFiles(url), `${url}/a.csv`);

    expect(failure.message).toContain('with more bytes than its Content-Length says');
  },
);

test('a file that comes slowly has all the time it needs, and one that falls silent does not', async () => {
  const server = await serveFiles((request, response) => {
    let sent = 0;
    const timer = setInterval(() => {
      response.write('1\n');
      sent += 1;
      if (sent < 8) return;
      clearInterval(timer);
      if (request.url === '/slow.csv') response.end();
    }, 50);
  });
  const files = openFiles(server.url, { timeoutMs: 250 });

  expect(await textOf(files, `${server.url}/slow.csv`)).toHaveLength(16);
  expect(await failureOf(files, `${server.url}/silent.csv`)).toMatchObject({
    code: 'timeout',
    message: 'crm fell silent for 0.25 s in the middle of its answer to GET /silent.csv',
  });
});

test('a target that says nothing at all is given up', async () => {
  const server = await serveFiles(() => {});

  expect(await failureOf(openFiles(server.url, { timeoutMs: 200 }), `${server.url}/a.csv`)).toMatchObject({
    code: 'timeout',
    message: 'crm did not answer GET /a.csv within 0.2 s',
  });
});

test.each([201, 204, 206, 401, 404, 500])('an answer %i is no file', async (status) => {
  const server = await serveFiles((_, response) => response.writeHead(status).end());

  expect(await failureOf(openFiles(server.url), `${server.url}/a.csv?key=hidden`)).toMatchObject({
    code: `http_${status}`,
    message: `crm answered ${status} to GET /a.csv`,
  });
});

test('a redirect is followed inside the origin only, so no credentials leave it', async () => {
  const elsewhere = await serveFiles((_, response) => response.end(rows));
  const server = await serveFiles((request, response) => {
    if (request.url === '/new.csv?a=1') return void response.end(rows);
    const to = request.url === '/old.csv' ? '/new.csv?a=1' : `${elsewhere.url}/a.csv`;
    response.writeHead(302, { location: request.url === '/round' ? '/round' : to }).end();
  });
  const files = openFiles(server.url);

  expect(await textOf(files, `${server.url}/old.csv`)).toBe(rows);
  for (const [path, advice] of [
    ['/away', 'a redirect (302) that is not followed; set the URL to where it leads'],
    ['/round', 'redirects (302) to redirects; set the URL to where they end, if they do'],
  ] as const) {
    expect(await failureOf(files, server.url + path)).toMatchObject({
      code: 'redirect_refused',
      message: expect.stringContaining(advice),
    });
  }
  expect(elsewhere.asked).toEqual([]);
});

test('a private address is refused unless the connector allows it', async () => {
  const server = await serveFiles((_, response) => response.end(rows));

  const failure = await failureOf(openFiles(server.url, { allowPrivate: false }), `${server.url}/a.csv`);

  expect(failure).toMatchObject({ code: 'host_not_allowed' });
  expect(server.asked).toEqual([]);
});

test('a secret in the path of a URL is masked in what is said of it', async () => {
  const server = await serveFiles((_, response) => response.writeHead(500).end('S3CR3T-token'));

  const failure = await failureOf(openFiles(server.url), `${server.url}/S3CR3T-token/a.csv`);

  expect(JSON.stringify(failure)).not.toContain('S3CR3T');
});

test('a file counts as one of the calls at once, and does not wait for ever for its turn', async () => {
  const server = await serveFiles(() => {});
  const limits = new CallLimits({ concurrency: 1 });

  const first = failureOf(openFiles(server.url, { timeoutMs: 800 }, limits), `${server.url}/a`);
  const second = await failureOf(openFiles(server.url, { timeoutMs: 300 }, limits), `${server.url}/b`);

  expect(second).toMatchObject({ code: 'limits_reached' });
  expect(await first).toMatchObject({ code: 'timeout' });
  expect(server.asked.map(({ url }) => url)).toEqual(['/a']);
});

test('who gives up is not waited for, and the connection is closed', async () => {
  const server = await serveFiles((_, response) => void response.write('id\n'));
  const giveUp = new AbortController();

  const files = openFiles(server.url, { timeoutMs: 60_000 });
  const fetched = textOf(files, `${server.url}/a.csv`, giveUp.signal);
  await expect.poll(() => server.asked.length).toBe(1);
  giveUp.abort();

  await expect(fetched).rejects.toBe(giveUp.signal.reason);
  await expect.poll(() => server.asked[0]?.socket.destroyed).toBe(true);
});

test('an answer that changes the protocol is refused, and does not keep the caller waiting', async () => {
  const url = await serveBytes(
    'HTTP/1.1 101 Switching',
    'connection: upgrade',
    'upgrade: websocket',
    '',
    rows,
  );

  expect(await failureOf(openFiles(url), `${url}/a.csv`)).toMatchObject({ code: 'response_invalid' });
});

test('a file lies at an address of IPv6', async ({ skip }) => {
  const server = createServer((_, response) => response.end(rows)).listen(0, '::1');
  const isThere = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (!isThere) skip('no IPv6 on this machine');
  onTestFinished(() => void server.close());
  const url = `http://[::1]:${(server.address() as AddressInfo).port}`;

  expect(await textOf(openFiles(url), `${url}/a.csv`)).toBe(rows);
});
