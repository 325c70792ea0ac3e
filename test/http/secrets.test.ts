import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { test } from '../support/database.ts';
import { operatorToken, type Served, serve } from '../support/http.ts';
import { connectRemote } from '../support/http-client.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startTarget, status, type Target } from '../support/target.ts';

const crmSecret = 'S3CR3T-of-the-crm-4711';
const hookSecret = `whsec_${Buffer.from('S3CR3T-of-the-hook-4711-and-more').toString('base64')}`;

let crm: Target;
let receiver: Receiver;
let served: Served;
beforeAll(async () => {
  // A target that repeats what it was sent, credentials and all.
  crm = await startTarget({
    answer: ({ id, headers }) => {
      const repeated = { message: `no ${headers.authorization}`, headers: JSON.stringify(headers) };
      return id === 'bad' ? status(422, repeated) : { kind: 'ok', body: repeated };
    },
  });
  receiver = await startReceiver();
});
afterAll(async () => {
  await served?.stop();
  await Promise.all([crm.close(), receiver.close()]);
});

const connectors = () => `
crm:
  type: http
  base_url: "${crm.url}"
  allow_private: true
  auth: { type: bearer, token_env: CRM_TOKEN }
  batch: { allow: [POST /users] }
told: { type: webhook, url: "${receiver.url}", secret_env: HOOK_SECRET, allow_private: true }
`;
const flow = `
flow: to-crm
target: { connector: crm, endpoint: /users, method: POST }
batch: { callback: told }
published_api: { path: /people }
`;

test.beforeEach(async ({ address }) => {
  // Whoever is at this machine may read files there.
  const env = { SLUICE_FILES: tmpdir() };
  served ??= await serve(address, { env, flows: { 'to-crm.yaml': flow, 'connectors.yaml': connectors() } });
  served.write('secrets.env', `CRM_TOKEN=${crmSecret}\nHOOK_SECRET=${hookSecret}\n`);
  chmodSync(join(served.home, 'secrets.env'), 0o600);
});

/** Every answer about a job that an owner can get, as it goes over the wire. */
async function everythingSaid(token: string): Promise<string[]> {
  const said: string[] = [];
  const get = async (path: string, more: Parameters<Served['request']>[1] = {}) => {
    const text = await (await served.request(path, { token, ...more })).text();
    said.push(text);
    return text;
  };
  const post = (path: string, body: Record<string, unknown>) => get(path, { method: 'POST', body });
  const body = { flow_id: 'to-crm', records: [{ id: 'a' }, { id: 'bad' }] };
  const { batch_job_id: id } = JSON.parse(await post('/api/v1/batches', body));
  const job = `/api/v1/batches/${id}`;
  await get(`${job}?wait_seconds=20&include=records`);
  const files = ['csv', 'ndjson', 'json'].flatMap((format) => [`/errors.${format}`, `/results.${format}`]);
  for (const part of ['/errors', '/results', '/records/0', '/records/1', '/events', ...files])
    await get(`${job}${part}`);
  for (const path of ['/batches', '/logs', '/flows', '/flows/to-crm', '/dead-letters', '/openapi.json'])
    await get(`/api/v1${path}`);
  await post('/api/v1/previews', body);
  await post('/people', { id: 'bad' });
  const operations = [
    { method: 'POST', path: '/users', body: { id: 'bad' } },
    { method: 'POST', path: '/users', body: { id: 'b' } },
  ];
  await post('/batch', { connector: 'crm', operations });
  const { client, close } = await connectRemote(served.url, token);
  const of = { batch_job_id: id };
  for (const [name, given] of [
    ['get_batch_status', { ...of, response_format: 'detailed' }],
    ['export_batch_errors', of],
    ['export_batch_results', of],
    ['search_logs', of],
    ['list_flows', {}],
    ['get_flow', { flow_id: 'to-crm' }],
  ] as const)
    said.push(JSON.stringify(await client.callTool({ name, arguments: given })));
  said.push(JSON.stringify(await client.readResource({ uri: `batch://jobs/${id}/errors.csv` })));
  await close();
  return said;
}

/** Every row of every table, as text. */
async function everythingKept(): Promise<string> {
  const { db } = await served.sluice.open();
  const tables = await db.run(
    (sql) => sql<{ name: string }[]>`
      select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public'`,
  );
  const rows = await Promise.all(
    tables.map(({ name }) => db.run((sql) => sql`select t::text as row from ${sql(name)} t`)),
  );
  return JSON.stringify(rows);
}

test('no token and no secret comes out anywhere: not to a caller, a target, a log, a file or the database', async () => {
  const ada = await served.tokenOf('ada');
  served.write('owners/ada/flows/to-crm.yaml', flow);
  const secrets = [operatorToken, ada, crmSecret, hookSecret];

  const said = [...(await everythingSaid(ada)), ...(await everythingSaid(operatorToken))];
  await expect.poll(() => receiver.received.length).toBeGreaterThanOrEqual(4);
  const exports = join(served.home, 'exports');
  const files = readdirSync(exports, { recursive: true, encoding: 'utf8' })
    .map((name) => join(exports, name))
    .filter((path) => statSync(path).isFile());
  const kept = await everythingKept();
  const places = {
    said: said.join('\n'),
    logged: JSON.stringify(served.logged),
    kept,
    exported: files.map((path) => readFileSync(path, 'utf8')).join('\n'),
    called: JSON.stringify(receiver.received),
    sent: JSON.stringify(
      crm.hits.map(({ headers: { authorization: _, ...others }, body }) => [others, body]),
    ),
  };

  expect(said.every((text) => text.length > 0)).toBe(true);
  expect(kept.includes('no Bearer [secret]')).toBe(true);
  expect(files.length).toBeGreaterThanOrEqual(12);
  for (const [place, text] of Object.entries(places))
    for (const secret of secrets) expect(text.includes(secret), `${secret} in ${place}`).toBe(false);
  expect(new Set(crm.hits.map(({ headers }) => headers.authorization))).toEqual(
    new Set([`Bearer ${crmSecret}`]),
  );
  for (const path of files) expect(statSync(path).mode & 0o777, path).toBe(0o600);
});

test('no file of the machine is read for anybody over HTTP', async () => {
  const path = served.write('secret.csv', 'id\n1\n');
  const refusals = [];
  for (const token of [await served.tokenOf('ada'), operatorToken]) {
    for (const source of [{ path }, { path: `${path.slice(0, -4)}.*` }, { path: '/proc/self/environ' }]) {
      const asked = { method: 'POST', token, body: { flow_id: 'to-crm', source } };
      refusals.push(
        await served.request('/api/v1/batches', asked),
        await served.request('/api/v1/previews', asked),
      );
    }
  }

  for (const refused of refusals) {
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ code: 'source_not_allowed' });
  }
});
