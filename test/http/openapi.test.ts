import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import { referencePage } from '../../src/http/api/reference-page.ts';
import { test as base } from '../support/database.ts';
import { type RequestOptions, type Served, serve } from '../support/http.ts';

// biome-ignore lint/suspicious/noExplicitAny: a document is looked into by what a test expects of it
type Document = any;

const strict = 'flow: strict\ntarget: { connector: echo }\nmapping:\n  email: source.email | required\n';

const test = base.extend<{ api: Served; document: Document }>({
  api: [
    async ({ address }, use) => {
      const served = await serve(address, { flows: { 'strict.yaml': strict } });
      await use(served);
      await served.stop();
    },
    { scope: 'file' },
  ],
  document: [async ({ api }, use) => use(await api.json('/api/v1/openapi.json')), { scope: 'file' }],
});

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });

interface Described {
  readonly name: string;
  readonly path: string;
  readonly operation: Document;
}

const operationsOf = (document: Document): Described[] =>
  Object.entries<Document>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Document>(methods).map(([method, operation]) => ({
      name: `${method} ${path}`,
      path,
      operation,
    })),
  );

function* within(value: Document): Generator<Document> {
  if (typeof value !== 'object' || value === null) return;
  yield value;
  for (const inner of Object.values(value)) yield* within(inner);
}

test('the document is whole: references lead somewhere, names are unique, parameters are declared', ({
  document,
}) => {
  const operations = operationsOf(document);
  const resolve = (pointer: string) =>
    pointer
      .replace(/^#\//, '')
      .split('/')
      .reduce((value: Document, key) => value?.[key], document);

  expect(document.openapi).toBe('3.1.0');
  expect(operations.length).toBeGreaterThan(30);
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { $ref } of within(document))
    if (typeof $ref === 'string') expect(resolve($ref), $ref).toBeDefined();
  for (const { name, path, operation } of operations) {
    const declared = (operation.parameters ?? []).filter((parameter: Document) => parameter.in === 'path');
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, inside]) => inside);
    expect(declared.map((parameter: Document) => parameter.name).sort(), name).toEqual(names.sort());
    expect(Object.keys(operation.responses), name).toContain('default');
  }
});

test('every address of the guide is in the document', ({ document }) => {
  const guide = readFileSync(resolve(import.meta.dirname, '../../docs/http-api.md'), 'utf8');
  const named = [...guide.matchAll(/`(GET|POST|PUT|PATCH|DELETE) (\/api\/v1[^` ]*)`/g)];

  expect(named.length).toBeGreaterThan(12);
  for (const [, method = '', path = ''] of named)
    expect(document.paths[path]?.[method.toLowerCase()], `${method} ${path}`).toBeDefined();
});

test('every schema can be compiled, and every example fits its own', ({ document }) => {
  for (const { name, operation } of operationsOf(document)) {
    const bodies = [operation.requestBody, ...Object.values<Document>(operation.responses)];
    for (const { schema, example } of bodies.flatMap((body) =>
      Object.values<Document>(body?.content ?? {}),
    )) {
      const validate = ajv.compile(schema);
      if (example !== undefined) expect([validate(example), validate.errors], name).toEqual([true, null]);
    }
    for (const { schema } of operation.parameters ?? []) ajv.compile(schema);
  }
  for (const response of Object.values<Document>(document.components.responses)) {
    const { example } = response.content['application/problem+json'];
    expect(ajv.validate(document.components.schemas.Problem, example)).toBe(true);
  }
});

test('real answers are as the document says', async ({ api, document }) => {
  const checked = new Set<string>();
  const ask = async (template: string, path: string, options: RequestOptions = {}) => {
    const response = await api.request(`/api/v1${path}`, options);
    const method = (options.method ?? 'GET').toLowerCase();
    const body = (await response.json()) as Document;
    const { schema } =
      document.paths[`/api/v1${template}`][method].responses[response.status].content['application/json'];
    const fits = ajv.compile({ ...schema, unevaluatedProperties: false });
    expect([fits(body), fits.errors, template], JSON.stringify(body).slice(0, 500)).toEqual([
      true,
      null,
      template,
    ]);
    checked.add(`${method} ${template}`);
    return body;
  };
  const send = (method: string, body: Record<string, unknown>) => ({ method, body });
  const batch = '/batches/{batch_job_id}';

  const records = [{ email: 'a@example.com' }, { n: 1 }, { n: 2 }];
  const start = { flow: 'strict', records, batch: { on_record_failure: 'dead-letter' } };
  await ask('/previews', '/previews', send('POST', { flow_id: 'strict', records }));
  const { id } = await ask('/batches', '/batches', send('POST', start));
  await ask(batch, `/batches/${id}?wait_seconds=20&include=records`);
  await ask('/batches', '/batches');
  await ask(`${batch}/errors`, `/batches/${id}/errors`);
  await ask(`${batch}/results`, `/batches/${id}/results`);
  await ask(`${batch}/errors.json`, `/batches/${id}/errors.json`);
  await ask(`${batch}/results.json`, `/batches/${id}/results.json?statuses=succeeded,failed`);
  await ask(`${batch}/records`, `/batches/${id}/records`);
  await ask(`${batch}/records/{index}`, `/batches/${id}/records/1`);
  await ask('/dead-letters', '/dead-letters');
  await ask('/dead-letters', `/dead-letters?batch_job_id=${id}&indexes=1`, { method: 'DELETE' });
  await ask('/dead-letters/retry', '/dead-letters/retry', send('POST', { batch_job_id: id }));
  await ask(batch, `/batches/${id}?wait_seconds=20`);
  await ask(`${batch}/retry`, `/batches/${id}/retry`, send('POST', { preview: true }));
  const once = { ...send('POST', {}), headers: { 'idempotency-key': 'once' } };
  await ask(`${batch}/retry`, `/batches/${id}/retry`, once);
  await ask(`${batch}/retry`, `/batches/${id}/retry`, once);
  await ask('/logs', '/logs');
  await ask('/flows', '/flows');
  const flow = { text: 'flow: made\ntarget: { connector: echo }\n' };
  await ask('/flows', '/flows', send('POST', flow));
  await ask('/flows/{flow_id}', '/flows/made');
  const upload = await ask('/uploads', '/uploads?name=a.csv', { method: 'POST', body: 'a\n1\n' });
  await ask('/uploads', '/uploads');
  await ask('/uploads/{upload_id}', `/uploads/${upload.upload_id}`);
  await ask('/uploads/{upload_id}', `/uploads/${upload.upload_id}`, { method: 'DELETE' });
  await ask('/tickets', '/tickets', send('POST', { path: `/api/v1/batches/${id}/events` }));

  expect(checked.size).toBeGreaterThan(20);
});

test('calls that start or retry take an Idempotency-Key', ({ document }) => {
  const taking = operationsOf(document).filter(({ operation }) =>
    operation.parameters?.some(({ name }: Document) => name === 'Idempotency-Key'),
  );

  expect(taking.map(({ name }) => name)).toEqual([
    'post /api/v1/batches',
    'post /api/v1/batches/{batch_job_id}/retry',
    'post /api/v1/dead-letters/retry',
  ]);
  for (const { name, operation } of taking) {
    const { schema } = operation.requestBody.content['application/json'];
    expect(schema.properties.idempotency_key, name).toMatchObject({ type: 'string' });
  }
});

test('the reference shows every operation to people, without script and with nothing unescaped', async ({
  api,
  document,
}) => {
  const page = await api.request('/api/v1/docs');
  const html = await page.text();
  const hostile = referencePage(
    { info: { title: '<script>alert(1)</script>' }, tags: [{ name: '"><img src=x>' }], paths: {} },
    { style: 'a.css', source: 'a.json' },
  );

  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
  expect(html).not.toMatch(/<script|style=|onclick|<style/i);
  for (const { operation } of operationsOf(document))
    expect(html).toContain(operation.operationId.toLowerCase());
  expect(hostile).not.toMatch(/<script|<img/);
  expect((await api.request('/api/v1/docs.css')).headers.get('content-type')).toContain('text/css');
});
