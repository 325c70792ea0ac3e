import { randomUUID } from 'node:crypto';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, expect } from 'vitest';
import { operations } from '../../src/operations/operations.ts';
import { test } from '../support/database.ts';
import { operatorToken, type Served, serve } from '../support/http.ts';
import { connectRemote, type McpTransport } from '../support/http-client.ts';

const flows = {
  'echo-all.yaml': 'flow: echo-all\nversion: 1\ntarget: { connector: echo }\n',
  'half.yaml':
    'flow: half\nversion: 1\ntarget: { connector: echo }\nmapping: { email: source.email | required }\n',
};

let served: Served;
test.beforeEach(async ({ address }) => {
  served ??= await serve(address, { flows });
});
afterAll(async () => {
  await served?.stop();
});

const rows = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
const accept = 'application/json, text/event-stream';

test.each<McpTransport>(['streamable', 'sse'])(
  'over %s a client finds everything, runs a batch, and is told how far it is',
  async (kind) => {
    const { client, call, close } = await connectRemote(served.url, operatorToken, kind);

    const { tools } = await client.listTools();
    const { resourceTemplates } = await client.listResourceTemplates();
    const { prompts } = await client.listPrompts();
    const { batch_job_id } = await call('start_batch', {
      flow_id: 'echo-all',
      records: rows(12),
      // Slow enough to be waited for.
      batch: { rate: '6/s' },
      allow_repeat: true,
    });
    const heard: number[] = [];
    const status = await client.callTool(
      { name: 'get_batch_status', arguments: { batch_job_id, wait_seconds: 10 } },
      undefined,
      { onprogress: ({ progress }) => heard.push(progress) },
    );
    const { contents } = await client.readResource({ uri: `batch://jobs/${batch_job_id}` });
    await client.ping();
    await close();

    expect(tools.map(({ name }) => name)).toEqual(operations.map(({ name }) => name));
    expect(resourceTemplates.length).toBeGreaterThan(2);
    expect(prompts.length).toBeGreaterThan(0);
    expect(status.structuredContent).toMatchObject({ finished: true, counts: { succeeded: 12 } });
    expect(heard.length).toBeGreaterThan(0);
    expect(contents[0]?.uri).toBe(`batch://jobs/${batch_job_id}`);
  },
);

test('over SSE a client that subscribes to a job hears of its change; over Streamable HTTP nobody offers it', async () => {
  const over = await connectRemote(served.url, operatorToken, 'sse');
  const stateless = await connectRemote(served.url, operatorToken);
  const { batch_job_id } = await over.call('start_batch', {
    flow_id: 'echo-all',
    records: rows(3),
    allow_repeat: true,
  });
  await over.call('get_batch_status', { batch_job_id, wait_seconds: 10 });
  const uri = `batch://jobs/${batch_job_id}`;
  const heard = new Promise((resolve) =>
    over.client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) =>
      resolve(params.uri),
    ),
  );

  await over.client.subscribeResource({ uri });
  await over.call('update_batch', { batch_job_id, label: 'seen' }).catch(() => {});
  const { db } = await served.sluice.open();
  await db.run((sql) => sql`update batch_jobs set obstacle = 'something else' where id = ${batch_job_id}`);

  expect(await heard).toBe(uri);
  expect(over.client.getServerCapabilities()?.resources).toEqual({ subscribe: true });
  expect(stateless.client.getServerCapabilities()?.resources).toEqual({});
  await Promise.all([over.close(), stateless.close()]);
});

test('files of a job are named by where they are downloaded, and by what can be read as a resource', async () => {
  const { client, call, close } = await connectRemote(served.url, operatorToken);
  const started = await call('start_batch', {
    flow_id: 'half',
    records: [{ email: 'a@b.example' }, { n: 2 }],
  });
  const { batch_job_id } = started;
  await call('get_batch_status', { batch_job_id, wait_seconds: 10 });

  const errors = await call('export_batch_errors', { batch_job_id });
  const results = await call('export_batch_results', { batch_job_id, statuses: ['failed'] });
  const [csv, ndjson] = [errors.files.csv, results.files.ndjson];
  const downloaded = await (await served.request(csv.path)).text();
  const { contents } = await client.readResource({ uri: csv.uri });
  const chosen = await (await served.request(ndjson.path)).text();
  await close();

  expect(csv.path).toBe(`/api/v1/batches/${batch_job_id}/errors.csv`);
  expect(downloaded).toContain('email is missing');
  expect(contents).toMatchObject([{ text: expect.stringContaining('email is missing') }]);
  expect(JSON.parse(chosen)).toMatchObject({ index: 1, status: 'failed' });
  expect(JSON.stringify([errors, results])).not.toContain(served.home);
});

test('an export that is too long for one piece is named by where it is downloaded', async () => {
  const { client, call, close } = await connectRemote(served.url, operatorToken);
  const { batch_job_id } = await call('start_batch', {
    flow_id: 'echo-all',
    records: Array.from({ length: 4 }, (_, n) => ({ n, text: 'x'.repeat(150_000) })),
  });
  await call('get_batch_status', { batch_job_id, wait_seconds: 10 });

  const read = client.readResource({ uri: `batch://jobs/${batch_job_id}/results.ndjson` });
  const refusal = await read.then(() => 'read', String);
  await close();

  expect(refusal).toContain(`It is downloaded at /api/v1/batches/${batch_job_id}/results.ndjson.`);
  expect(refusal).not.toContain(served.home);
});

test('dead letters across jobs are told without files, which would be on the server’s own disk', async () => {
  const { call, close } = await connectRemote(served.url, operatorToken);
  const { batch_job_id } = await call('start_batch', {
    flow_id: 'half',
    records: [{ given: 'up' }],
    batch: { on_record_failure: 'dead-letter' },
  });
  await call('get_batch_status', { batch_job_id, wait_seconds: 10 });

  const letters = await call('export_batch_errors', { dead_letters: true });
  await close();

  expect(letters.errors).toMatchObject([{ batch_job_id, dead_letter: true }]);
  expect(letters).not.toHaveProperty('files');
  expect(JSON.stringify(letters)).not.toContain(served.home);
});

test('large calls pass, and one that is too large is told the limit and where its data can go', async () => {
  const { call, close } = await connectRemote(served.url, operatorToken);
  const filled = (bytes: number) => [{ text: 'x'.repeat(bytes) }, ...rows(1)];

  const started = [];
  for (const bytes of [150_000, 900_000]) {
    started.push(await call('start_batch', { flow_id: 'echo-all', records: filled(bytes) }));
  }
  const many = Array.from({ length: 35 }, () => ({ text: 'x'.repeat(100_000) }));
  started.push(await call('start_batch', { flow_id: 'echo-all', records: many }));
  const refusals = [];
  for (const path of ['/mcp', '/messages?sessionId=none']) {
    const refused = await served.request(path, {
      method: 'POST',
      headers: { accept, 'content-type': 'application/json' },
      body: `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"${'x'.repeat(5_000_000)}"}}`,
    });
    refusals.push({ status: refused.status, body: await refused.text() });
  }
  await close();

  expect(started.map(({ total }) => total)).toEqual([2, 2, 35]);
  for (const { status, body } of refusals) {
    expect(status).toBe(413);
    expect(body).toMatch(/"jsonrpc":"2.0".*4194304 bytes.*\/api\/v1\/uploads/);
  }
});

test('a message without a length is held to the same limit', async () => {
  const body = new ReadableStream({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode('x'.repeat(1_000_000)));
    },
  });

  const refused = await served
    .request('/mcp', {
      method: 'POST',
      headers: { accept, 'content-type': 'application/json' },
      body,
      duplex: 'half',
    } as RequestInit)
    .catch(() => undefined);

  // A client that goes on sending may find the connection cut before it reads the answer.
  expect([413, undefined]).toContain(refused?.status);
});

test('there are no sessions at /mcp: GET and DELETE are told that there is only POST', async () => {
  for (const method of ['GET', 'DELETE', 'PUT']) {
    const answer = await served.request('/mcp', { method, headers: { accept: 'text/event-stream' } });

    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
    expect(await answer.json()).toMatchObject({ jsonrpc: '2.0', error: { code: -32000 } });
  }
});

test('what is no call of MCP is refused in the protocol’s own form', async () => {
  const post = (body: string, headers: Record<string, string>) =>
    served.request('/mcp', { method: 'POST', body, headers });
  const json = { 'content-type': 'application/json' };

  const codes = await Promise.all([
    post('{}', { accept, 'content-type': 'text/plain' }),
    post('{}', { ...json, accept: 'application/json' }),
    post('{"jsonrpc"', { ...json, accept }),
    post('{}', { ...json, accept }),
  ]);

  expect(codes.map(({ status }) => status)).toEqual([415, 406, 400, 400]);
  for (const answer of codes) expect(await answer.json()).toMatchObject({ jsonrpc: '2.0' });
});

test('fifty clients at once get their own answers, and nobody another’s', async () => {
  const owners = ['ada', 'bob', 'eve', 'joe', 'kim'];
  const tokens = await Promise.all(owners.map((owner) => served.tokenOf(owner)));
  for (const owner of owners)
    served.write(`owners/${owner}/flows/mine.yaml`, `flow: of-${owner}\ntarget: { connector: echo }\n`);
  const clients = await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      connectRemote(served.url, tokens[n % 5], n % 10 < 5 ? 'streamable' : 'sse'),
    ),
  );

  const wrong: unknown[] = [];
  await Promise.all(
    clients.map(async ({ client, call }, n) => {
      for (let turn = 0; turn < 8; turn++) {
        if (turn % 4 === 0) {
          const { flows: found } = await call('list_flows');
          if (found.length !== 1 || found[0].name !== `of-${owners[n % 5]}`) wrong.push(found);
        } else {
          const id = randomUUID();
          const { content } = await client.callTool({ name: `tool-${id}`, arguments: {} });
          if (!JSON.stringify(content).includes(id)) wrong.push(content);
        }
      }
    }),
  );
  await Promise.all(clients.map(({ close }) => close()));

  expect(wrong).toEqual([]);
});

test('a session is its opener’s: with another’s token it is as unknown as one that never was', async () => {
  const [ada, bob] = await Promise.all([served.tokenOf('ada'), served.tokenOf('bob')]);
  const leaving = new AbortController();
  const stream = await served.request('/sse', { token: ada, signal: leaving.signal });
  const reader = stream.body?.getReader();
  const first = new TextDecoder().decode((await reader?.read())?.value);
  const path = /data: (\S+)/.exec(first)?.[1] ?? '';
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
  const post = (to: string, token: string) => served.request(to, { method: 'POST', body: ping, token });

  const [own, strangers, missing] = await Promise.all([
    post(path, ada),
    post(path, bob),
    post(`/messages?sessionId=${randomUUID()}`, bob),
  ]);

  expect(path).toMatch(/^\/messages\?sessionId=[0-9a-f-]{36}$/);
  expect([own.status, strangers.status, missing.status]).toEqual([202, 404, 404]);
  expect(await strangers.json()).toEqual(await missing.json());
  leaving.abort();
});
