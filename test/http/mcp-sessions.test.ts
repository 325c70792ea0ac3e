import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Hono } from 'hono';
import { afterAll, expect, onTestFinished } from 'vitest';
import type { HttpEnvironment } from '../../src/http/environment.ts';
import { serveMcpSessions } from '../../src/http/mcp-sessions.ts';
import { conformanceServer } from '../support/conformance-server.ts';
import { test } from '../support/database.ts';
import { operatorToken, type Served, serve } from '../support/http.ts';
import { connectRemote } from '../support/http-client.ts';

let served: Served;
test.beforeEach(async ({ address }) => {
  // Its jobs wait for a person: one that has finished is looked at less often.
  const flows = { 'waits.yaml': 'flow: waits\nconfirm: human\ntarget: { connector: echo }\n' };
  served ??= await serve(address, { flows, env: { SLUICE_MCP_SESSIONS: 'on' } });
});
afterAll(async () => {
  await served?.stop();
});

const accept = 'application/json, text/event-stream';
const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '0' } },
};
const ping = { jsonrpc: '2.0', id: 2, method: 'ping' };

async function sessionOf(token: string): Promise<string> {
  const begun = await served.request('/mcp', {
    method: 'POST',
    headers: { accept },
    body: initialize,
    token,
  });
  await begun.text();
  return begun.headers.get('mcp-session-id') ?? '';
}

const speak = (session: string, token: string, method = 'POST', signal: AbortSignal | null = null) =>
  served.request('/mcp', {
    signal,
    method,
    token,
    headers: { accept, 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' },
    ...(method === 'POST' ? { body: ping } : {}),
  });

test('in a session a client that subscribes to a job hears of its change', async () => {
  const { client, call, close } = await connectRemote(served.url, operatorToken);
  const { batch_job_id } = await call('start_batch', { flow_id: 'waits', records: [{ n: 1 }] });
  const uri = `batch://jobs/${batch_job_id}`;
  const heard = new Promise((resolve) =>
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => resolve(params.uri)),
  );

  await client.subscribeResource({ uri });
  await call('update_batch', { batch_job_id, action: 'cancel' });

  expect(await heard).toBe(uri);
  expect(client.getServerCapabilities()?.resources).toEqual({ subscribe: true });
  await close();
});

test('a session is its opener’s alone, and over when it is ended', async () => {
  const [ada, bob] = await Promise.all([served.tokenOf('ada'), served.tokenOf('bob')]);
  const sessions = await Promise.all(Array.from({ length: 50 }, () => sessionOf(ada)));
  const [session = ''] = sessions;

  const own = await speak(session, ada);
  const foreign = await Promise.all(['POST', 'GET', 'DELETE'].map((method) => speak(session, bob, method)));
  const missing = await speak('00000000-0000-4000-8000-000000000000', bob);
  const still = await speak(session, ada);
  const ended = await speak(session, ada, 'DELETE');
  const after = await speak(session, ada);

  expect(new Set(sessions).size).toBe(50);
  expect(session).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  expect([own.status, still.status, ended.status, after.status]).toEqual([200, 200, 200, 404]);
  expect([...foreign, missing].map(({ status }) => status)).toEqual([404, 404, 404, 404]);
  expect(await foreign[0]?.json()).toEqual(await missing.json());
});

test('a session has one stream of changes, and another when its reader has gone', async () => {
  const session = await sessionOf(operatorToken);
  const leaving = new AbortController();

  const first = await speak(session, operatorToken, 'GET', leaving.signal);
  const second = await speak(session, operatorToken, 'GET');
  leaving.abort();

  expect([first.status, first.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  expect(second.status).toBe(409);
  await expect.poll(async () => (await speak(session, operatorToken, 'GET')).status).toBe(200);
});

/** Sessions by themselves, for callers who say who they are, with a server that needs nothing. */
function sessionsAlone(idleMs?: number) {
  const app = new Hono<HttpEnvironment>();
  app.use((c, next) => {
    c.set('principal', { owner: c.req.header('owner') ?? null });
    return next();
  });
  const unused = () => {
    throw new Error('nothing is asked of Sluice');
  };
  const options = { version: '0', operations: [], context: unused, onUnexpected: unused };
  const ending = new AbortController();
  onTestFinished(() => ending.abort());
  const more = { isReady: async () => true, ending: ending.signal, mcpServer: conformanceServer };
  serveMcpSessions(app, { ...options, ...more }, idleMs);
  const headersOf = (session?: string, owner?: string) => ({
    ...{ accept, 'content-type': 'application/json', 'mcp-protocol-version': '2025-11-25' },
    ...(session === undefined ? {} : { 'mcp-session-id': session }),
    ...(owner === undefined ? {} : { owner }),
  });
  const post = async (message: object, session?: string, owner?: string) => {
    const headers = headersOf(session, owner);
    const answer = await app.request('/mcp', { method: 'POST', headers, body: JSON.stringify(message) });
    await answer.text();
    return answer;
  };
  return {
    post,
    begin: async (owner?: string) =>
      (await post(initialize, undefined, owner)).headers.get('mcp-session-id') ?? '',
    listen: (session: string, signal: AbortSignal, owner?: string) =>
      app.request('/mcp', { headers: headersOf(session, owner), signal }),
  };
}

test('a session that was not begun, or that nobody uses or listens to for a while, is not there', async () => {
  const { post, begin, listen } = sessionsAlone(100);
  /** As seldom as that, so that the asking does not keep the session. */
  const gone = (session: string) =>
    expect.poll(async () => (await post(ping, session)).status, { interval: 300 }).toBe(404);

  const unbegun = await post(ping);
  const [begun, listened] = [await begin(), await begin()];
  const used = await post(ping, begun);
  const leaving = new AbortController();
  const stream = await listen(listened, leaving.signal);

  expect([unbegun.status, used.status, stream.status]).toEqual([400, 200, 200]);
  await gone(begun);
  expect((await post(ping, listened)).status).toBe(200);
  leaving.abort();
  await gone(listened);
});

test('who opens sessions without end loses the one idle longest, and nobody else any', async () => {
  const { post, begin, listen } = sessionsAlone();
  const leaving = new AbortController();
  const bobs = await begin('bob');
  const heard = await begin('ada');
  await listen(heard, leaving.signal, 'ada');
  const [first = '', second = '', ...others] = await Promise.all(
    Array.from({ length: 998 }, () => begin('ada')),
  );
  await post(ping, first, 'ada');

  const one = await begin('ada');
  const carols = await begin('carol');

  const statusOf = async (session: string, owner: string) => (await post(ping, session, owner)).status;
  expect(await statusOf(second, 'ada')).toBe(404);
  expect(await Promise.all([first, one, heard].map((session) => statusOf(session, 'ada')))).toEqual([
    200, 200, 200,
  ]);
  expect([await statusOf(bobs, 'bob'), await statusOf(carols, 'carol')]).toEqual([200, 200]);
  expect(await statusOf(others[0] ?? '', 'ada')).toBe(404);
  leaving.abort();
});

test('when all sessions are listened to, who has most of them is refused and others keep theirs', async () => {
  const { post, begin, listen } = sessionsAlone();
  const leaving = new AbortController();
  const bobs = await begin('bob');
  for (let n = 0; n < 999; n++) await listen(await begin('ada'), leaving.signal, 'ada');

  const refused = await post(initialize, undefined, 'ada');
  const kept = await post(ping, bobs, 'bob');

  expect([refused.status, kept.status]).toEqual([503, 200]);
  leaving.abort();
});
