import { afterAll, beforeAll, expect } from 'vitest';
import { compileFlow } from '../../src/flows/compile-flow.ts';
import { routes } from '../../src/http/api/routes.ts';
import { test } from '../support/database.ts';
import { type Served, serve } from '../support/http.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { ok, startTarget, status, type Target } from '../support/target.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by what a test expects of them
type Answer = any;

let crm: Target;
let receiver: Receiver;
let served: Served;

const customers = `
flow: customer-import
version: 3
description: Takes customers
target: { connector: crm, endpoint: /api/customers, method: POST }
input:
  id: string required
  email: email required
mapping:
  id: source.id
  email: source.email | lowercase
  company: source.company | omit_if_null
published_api:
  path: /api/v1/customers/import
  method: POST
  batchEnabled: true
  batchArrayPath: data.records
  batchMaxSize: 20
  batchConcurrency: 2
  webhook: told
`;
const single = `
flow: single
steps:
  - name: send
    type: http_request
    connector: crm
    path: /api/customers
    method: POST
    body: "{{ record }}"
published_api: { path: /people, method: put }
`;
const looked = `
flow: looked
target: echo
input: { age: integer required, member: boolean }
published_api: { path: /looked, method: GET }
`;
const lenient = `
flow: lenient
target: echo
published_api:
  path: /lenient
  batchEnabled: true
  validationMode: lenient
  requestSchema: { id: integer required }
`;
const answered = `
flow: answered
target: { connector: crm, endpoint: /api/customers, method: POST }
redact: [email]
published_api:
  path: /answered
  requestSchema: { id: text required }
  responseMapping: { customer: result.body.number, of: source.id | uppercase, email: source.email }
  responseSchema: { customer: integer required, of: text }
`;

const hurried = answered
  .replace('flow: answered', 'flow: hurried\non_error: { retry: none }')
  .replace('path: /answered', 'path: /hurried')
  .replace('endpoint: /api/customers', 'endpoint: /api/customers, timeout: 300ms');

beforeAll(async () => {
  crm = await startTarget({
    answer: ({ id }) => {
      if (id === 'silent') return { kind: 'hang' };
      return String(id).startsWith('bad')
        ? status(422, { message: 'no such plan' })
        : { ...ok, delayMs: id === 'slow' ? 500 : 5, body: { number: id === 'numberless' ? null : 7 } };
    },
  });
  receiver = await startReceiver();
});
afterAll(async () => {
  await served?.stop();
  await Promise.all([crm.close(), receiver.close()]);
});

test.beforeEach(async ({ address }) => {
  served ??= await serve(address, {
    flows: {
      'customers.yaml': customers,
      'single.yaml': single,
      'looked.yaml': looked,
      'lenient.yaml': lenient,
      'answered.yaml': answered,
      'hurried.yaml': hurried,
      'answered-list.yaml': answered
        .replace('flow: answered', 'flow: answered-list')
        .replace('path: /answered', 'path: /answered-list\n  batchEnabled: true'),
      'connectors.yaml': `
crm: { type: http, base_url: "${crm.url}", allow_private: true }
told: { type: webhook, url: "${receiver.url}", allow_private: true }
`,
    },
  });
});

const customer = (id: string) => ({ id, email: `${id}@EXAMPLE.com` });
const importPath = '/api/v1/customers/import';

async function send(path: string, body: unknown, more: { method?: string; token?: string } = {}) {
  const response = await served.request(path, { method: 'POST', ...more, body: body as [] });
  return { code: response.status, headers: response.headers, body: (await response.json()) as Answer };
}

async function finished(statusUrl: string, token?: string): Promise<Answer> {
  const job = () => served.json(statusUrl, token === undefined ? {} : { token });
  await expect.poll(job).toMatchObject({ finished: true });
  return job();
}

test('a list of records starts a job at once, which its sender can follow to the results', async () => {
  const records = [customer('a'), customer('bad-b'), customer('c')];

  const { code, headers, body } = await send(importPath, { data: { records } });
  const job = await finished(body.status_url);

  expect(code).toBe(202);
  expect(body).toEqual({
    batch_job_id: expect.any(String),
    status: expect.any(String),
    total: 3,
    status_url: `${importPath}/jobs/${body.batch_job_id}`,
  });
  expect(headers.get('location')).toBe(body.status_url);
  expect(job).toMatchObject({
    status: 'completed_with_errors',
    total: 3,
    processed: 3,
    succeeded: 2,
    failed: 1,
  });
  expect(job.results).toMatchObject([
    { index: 0, status: 'succeeded', result: { status: 200 } },
    { index: 1, status: 'failed', error: { code: 'http_422', untrusted_message: 'no such plan' } },
    { index: 2, status: 'succeeded' },
  ]);
  expect(crm.hits[0]?.body).toEqual({
    id: expect.any(String),
    email: expect.stringContaining('@example.com'),
  });
  expect(crm.peakInFlight).toBeLessThanOrEqual(2);
  await expect
    .poll(() => receiver.received.map(({ event }) => event.data.batch_job_id))
    .toContain(body.batch_job_id);
});

test('what is no list at its place, is empty, too long or does not fit starts nothing', async () => {
  const before = crm.hits.length;
  const asked = [
    send(importPath, [customer('x')]),
    send(importPath, { data: { records: customer('x') } }),
    send(importPath, { data: { records: [] } }),
    send(importPath, { data: { records: Array.from({ length: 21 }, (_, n) => customer(`n${n}`)) } }),
    send(importPath, {
      data: { records: [customer('y'), { id: 'z', email: 'no' }, 'text', { email: 'a@b.example' }] },
    }),
    send('/people', [{ id: 'x' }], { method: 'PUT' }),
    send('/people', { id: 'x' }, { method: 'POST' }),
  ];

  const answers = await Promise.all(asked);

  expect(answers.map(({ code }) => code)).toEqual([400, 400, 400, 400, 400, 400, 405]);
  expect(answers.map(({ body }) => body.code)).toEqual([
    ...Array(6).fill('invalid_input'),
    'method_not_allowed',
  ]);
  expect(answers[3]?.body.detail).toContain('holds 21 records; 20 are taken at once (batchMaxSize)');
  expect(answers[4]?.body.errors).toEqual([
    { index: 1, message: 'email must be an email address' },
    { index: 2, message: 'is no object' },
    { index: 3, message: 'id is missing' },
  ]);
  expect(answers[6]?.headers.get('allow')).toBe('PUT');
  expect(crm.hits.length).toBe(before);
});

test('a flow that publishes no lists takes one record, and a lenient one lets only those fail that do not fit', async () => {
  const one = await send('/people', { id: 'one' }, { method: 'PUT' });
  const many = await send('/lenient', [{ id: 1 }, { id: 'two' }, { id: 3 }]);

  const first = await finished(one.body.status_url);
  const second = await finished(many.body.status_url);

  expect(one).toMatchObject({ code: 202, body: { total: 1 } });
  expect(first).toMatchObject({ status: 'completed', succeeded: 1 });
  expect(second).toMatchObject({ status: 'completed_with_errors', succeeded: 2, failed: 1 });
  expect(second.results[1]).toMatchObject({ status: 'failed', error: { code: 'input_invalid' } });
});

test('a flow that says what its response is answers a single record with it, and a list by its address', async () => {
  const ask = (id: string, headers = {}) =>
    served.request('/answered', { method: 'POST', headers, body: { id, email: 'ada@x.example' } });

  const good = await ask('a');
  const refused = await ask('bad-b');
  const wrong = await ask('numberless');
  const later = await ask('slow', { prefer: 'respond-async' });
  const list = await send('/answered-list', [{ id: 'd' }, { id: 'bad-e' }]);
  const job = await finished(list.body.status_url);
  const document = await served.json('/answered/openapi.json');

  expect(good.status).toBe(200);
  expect(await good.json()).toEqual({ customer: 7, of: 'A', email: '[redacted]' });
  expect(await served.json(good.headers.get('location') ?? '')).toMatchObject({ succeeded: 1 });
  expect(refused.status).toBe(422);
  expect(await refused.json()).toMatchObject({ code: 'http_422', untrusted_message: 'no such plan' });
  expect(wrong.status).toBe(502);
  expect(await wrong.json()).toMatchObject({
    code: 'response_invalid',
    detail: expect.stringMatching(/was taken, but .*customer/),
  });
  expect(later.status).toBe(202);
  expect(list.code).toBe(202);
  expect(job.results).toMatchObject([{ result: { customer: 7, of: 'D' } }, { error: { code: 'http_422' } }]);
  expect(document.paths['/answered'].post.responses).toHaveProperty('200');
  expect(document.components.schemas.Response).toMatchObject({ required: ['customer'] });
});

test('a target that does not answer in time is a gateway timeout to the caller', async () => {
  const { code, headers, body } = await send('/hurried', { id: 'silent' });

  expect(code).toBe(504);
  expect(body).toMatchObject({ status: 504, code: 'timeout' });
  expect(await served.json(headers.get('location') ?? '')).toMatchObject({ finished: true, failed: 1 });
});

test('what is wrong with a response is told with the other problems of the file', () => {
  const text = answered.replace('source.id | uppercase', 'sorce.id').replace('integer', 'intger');

  expect(compileFlow(text, 'a.yaml')).toMatchObject({
    problems: [
      { line: 8, message: expect.stringContaining('responseMapping.of: sorce.id') },
      { line: 9, message: expect.stringContaining('responseSchema.customer: "intger"') },
    ],
  });
});

test('a key opens what its flow publishes and nothing else, and sees the jobs of its owner only', async () => {
  const acme = await served.tokenOf('acme', 'customer-import');
  const globex = await served.tokenOf('globex', 'customer-import');
  const ada = await served.tokenOf('ada');

  const { code, body } = await send(importPath, { data: { records: [customer('k')] } }, { token: acme });
  const own = await finished(body.status_url, acme);
  const others = [
    '/mcp',
    '/batch',
    '/people',
    '/lenient',
    '/api/v1/batches',
    '/api/v1/flows',
    '/metrics',
    '/sse',
  ];
  const refused = await Promise.all(
    others.map(async (path) => (await served.request(path, { token: acme })).status),
  );
  const seen = async (token: string, path = body.status_url) =>
    (await served.request(path, { token })).status;

  expect(code).toBe(202);
  expect(own).toMatchObject({ total: 1, succeeded: 1 });
  expect(refused).toEqual(others.map(() => 403));
  expect(await seen(globex)).toBe(404);
  // An owner without a flow of that name, and without a key for this one, finds nothing at all.
  expect(await seen(ada)).toBe(404);
  expect(await seen(acme, `${importPath}/openapi.json`)).toBe(200);
});

test('each owner publishes flows of its own, under the same path as others', async () => {
  const bob = await served.tokenOf('bob');
  served.write('owners/bob/flows/mine.yaml', 'flow: mine\ntarget: echo\npublished_api: { path: /people }\n');

  const { code, body } = await send('/people', { whatever: 1 }, { token: bob });
  const job = await finished(body.status_url, bob);

  expect(code).toBe(202);
  expect(job.results).toEqual([{ index: 0, status: 'succeeded', result: { whatever: 1 } }]);
  expect((await served.request(body.status_url)).status).toBe(404);
});

test('the document of a published flow describes what it takes, and every reference leads somewhere', async () => {
  const document = await served.json(`${importPath}/openapi.json`);
  const text = JSON.stringify(document);
  const references = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);

  const { schema } = document.paths[importPath].post.requestBody.content['application/json'];

  expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'customer-import', version: '3' } });
  expect(document.servers).toEqual([{ url: '/' }]);
  expect(schema.properties.data.properties.records).toMatchObject({ type: 'array', maxItems: 20 });
  expect(document.components.schemas.Record).toMatchObject({
    required: ['id', 'email'],
    properties: { email: { type: 'string', format: 'email' } },
  });
  expect(references.length).toBeGreaterThan(5);
  expect(text).not.toContain(String(Number.MAX_SAFE_INTEGER));
  expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(references));
});

test('the refusals of a published flow are as its document says', async () => {
  const { paths, components } = await served.json(`${importPath}/openapi.json`);
  const sent = (id: string) => ({
    method: 'POST',
    headers: { 'idempotency-key': 'described' },
    body: { data: { records: [{ id, email: 'a@b.example' }] } },
  });

  await served.json(importPath, sent('1'));
  const reused = await served.request(importPath, sent('2'));
  const noJson = await served.request(importPath, { method: 'POST', body: 'id=1' });
  const refusals = [reused, noJson];

  expect(refusals.map(({ status: code }) => code)).toEqual([409, 415]);
  expect(await reused.clone().text()).toMatch(/Follow that job, or use another key to start this one\./);
  expect(Object.keys(paths[importPath].post.responses)).toEqual(
    expect.arrayContaining(['409', '415', 'default']),
  );
  for (const refusal of refusals) {
    const said = Object.keys((await refusal.json()) as Answer);
    expect(Object.keys(components.schemas.Problem.properties)).toEqual(expect.arrayContaining(said));
  }
});

test('flows that publish under one path can both not run until one has another', async () => {
  served.write('flows/clash-a.yaml', 'flow: clash-a\ntarget: echo\npublished_api: { path: /clash }\n');
  served.write('flows/clash-b.yaml', 'flow: clash-b\ntarget: echo\npublished_api: { path: /clash }\n');

  const clashing = await served.request('/clash', { method: 'POST', body: {} });
  served.write('flows/clash-b.yaml', 'flow: clash-b\ntarget: echo\npublished_api: { path: /other }\n');
  const mended = await served.request('/clash', { method: 'POST', body: {} });

  expect(clashing.status).toBe(404);
  expect(mended.status).toBe(202);
});

test('the query of a GET is a record of texts, each given once', async () => {
  const get = (query: string) => served.request(`/looked?${query}`);
  const taken = await get('age=5&member=true');
  const { status_url } = (await taken.json()) as Answer;
  const job = await finished(status_url);
  const [unfit, twice] = [await get('age=old'), await get('age=5&age=6')];

  expect(taken.status).toBe(202);
  expect(job).toMatchObject({ status: 'completed', counts: { succeeded: 1 } });
  expect(job.results).toMatchObject([{ result: { age: '5', member: 'true' } }]);
  expect([unfit.status, await unfit.text()]).toEqual([400, expect.stringContaining('age')]);
  expect([twice.status, await twice.text()]).toEqual([
    400,
    expect.stringContaining('The query parameter age is given more than once. Nothing was started.'),
  ]);
});

test('no address of Sluice itself can be published, nor one that could be read in two ways', () => {
  const own = routes.map(({ path }) => `/api/v1${path.replace(/\{\w+\}/g, 'x')}`);
  const others = [
    '/',
    '/mcp',
    '/MCP',
    '/sse',
    '/messages',
    '/batch',
    '/batch/x/status',
    '/metrics',
    '/healthz',
  ];
  const refused = [
    '/readyz',
    '/.well-known/x',
    '/api',
    '/api/v1',
    'people',
    '/a/',
    '//a',
    '/a/../b',
    '/a%2e',
    '/{id}',
    '/people/openapi.json',
  ];
  const problemsAt = (path: string) => {
    const compiled = compileFlow(`flow: x\ntarget: echo\npublished_api: { path: "${path}" }\n`, 'x.yaml');
    return 'problems' in compiled ? compiled.problems.map(({ message }) => message) : [];
  };

  const allowed = [...own, ...others, ...refused].filter((path) => problemsAt(path).length === 0);

  expect(own.length).toBeGreaterThan(10);
  expect(allowed).toEqual([]);
  expect(problemsAt('/batch')).toEqual([
    "published_api.path is an address of Sluice's own; choose another, such as /customers/import",
  ]);
  expect(problemsAt('/api/v1/customers/import')).toEqual([]);
});
