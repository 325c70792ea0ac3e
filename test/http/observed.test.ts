import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import {
  type Attributes,
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  trace,
} from '@opentelemetry/api';
import { afterAll, beforeAll, expect } from 'vitest';
import { test } from '../support/database.ts';
import { operatorToken, type Served, serve } from '../support/http.ts';
import { connectRemote } from '../support/http-client.ts';
import { startTarget, status, type Target } from '../support/target.ts';

const canary = 'C4N4RY-that-nobody-may-log';

let crm: Target;
let served: Served;

beforeAll(async () => {
  crm = await startTarget({
    answer: ({ id }) => (id === 'bad' ? status(422, { message: canary }) : { kind: 'ok' }),
  });
});
afterAll(async () => {
  await served?.stop();
  await crm.close();
});

const flow = 'flow: to-crm\nversion: 1\ntarget: { connector: crm, endpoint: /users, method: POST }\n';

test.beforeEach(async ({ address }) => {
  const connectors = `crm: { type: http, base_url: "${crm.url}", allow_private: true }\n`;
  served ??= await serve(address, { flows: { 'to-crm.yaml': flow, 'connectors.yaml': connectors } });
});

/** Runs a batch to its end as the operator. */
async function run(ids: readonly string[]) {
  const { call, close } = await connectRemote(served.url, operatorToken);
  const started = await call('start_batch', {
    flow_id: 'to-crm',
    records: ids.map((id) => ({ id })),
    allow_repeat: true,
  });
  const { batch_job_id } = started;
  for (;;) {
    const found = await call('get_batch_status', { batch_job_id, wait_seconds: 10 });
    if (found.finished) return close().then(() => found);
  }
}

async function metrics(): Promise<Record<string, number>> {
  const text = await (await served.request('/metrics')).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

test('metrics tell what became of records, how long attempts took, and how much there is to do', async () => {
  await run(['a', 'b', 'bad']);

  const found = await metrics();

  expect(found).toMatchObject({
    'sluice_records_total{flow="to-crm",status="succeeded"}': 2,
    'sluice_records_total{flow="to-crm",status="failed"}': 1,
    'sluice_attempt_duration_seconds_count{flow="to-crm",outcome="done"}': 2,
    'sluice_attempt_duration_seconds_count{flow="to-crm",outcome="broken"}': 1,
    'sluice_attempts_in_flight{flow="to-crm"}': 0,
    'sluice_jobs{status="completed_with_errors"}': 1,
    'sluice_jobs{status="processing"}': 0,
    sluice_records_pending: 0,
    sluice_claim_lag_seconds: 0,
    sluice_intake_lag_seconds: 0,
    sluice_deliveries_pending: 0,
    sluice_deliveries_failed: 0,
    sluice_database_up: 1,
    'sluice_http_requests_total{method="POST",route="/mcp",status="200"}': expect.any(Number),
    'sluice_http_request_duration_seconds_count{method="POST",route="/mcp"}': expect.any(Number),
    nodejs_eventloop_lag_seconds: expect.any(Number),
  });
});

test("metrics are the operator's: for other owners there is nothing at the address", async () => {
  const token = await served.tokenOf('ada');

  const answers = await Promise.all(
    ['/metrics', '/metric'].map(async (path) => (await served.request(path, { token })).json()),
  );

  expect(answers[0]).toEqual(answers[1]);
  expect(answers[0]).toMatchObject({ status: 404, code: 'route_not_found' });
});

test('open streams are counted until their readers leave', async () => {
  const leaving = new AbortController();
  const headers = { accept: 'text/event-stream' };
  await served.request('/sse', { headers, signal: leaving.signal });

  const during = await metrics();
  leaving.abort();

  expect(during.sluice_http_open_streams).toBe(1);
  await expect.poll(async () => (await metrics()).sluice_http_open_streams).toBe(0);
});

test('the log says who called what with which success, and holds nothing they brought', async () => {
  const body = { canary };
  const headers = { 'x-custom': canary, cookie: `session=${canary}` };
  const token = await served.tokenOf('ada');
  const before = served.logged.length;

  await served.request(`/nowhere/${canary}?q=${canary}`, { method: 'POST', headers, body, token });
  await served.request('/mcp', { method: 'POST', headers, body: `{"broken": "${canary}`, token: canary });
  const { call, close } = await connectRemote(served.url, token);
  const text = `flow: ${canary}\ntarget: { connector: nope }\n`;
  await call('save_flow', { text, name: 'x' }).catch(() => {});
  await call('start_batch', { flow_id: canary, records: [{ canary }] }).catch(() => {});
  await close();
  await run(['bad']);
  await served.request('/healthz');

  const said = served.logged.slice(before);
  expect(said.find(({ route }) => route === 'none')).toEqual({
    ...{ message: 'request', method: 'POST', route: 'none', status: 404, owner: 'ada' },
    ms: expect.any(Number),
  });
  const unknown = said.find(({ route, status }) => route === '/mcp' && status === 401);
  expect(unknown).toBeDefined();
  expect(unknown).not.toHaveProperty('owner');
  expect(said.some(({ route, owner }) => route === '/mcp' && owner === 'operator')).toBe(true);
  expect(said.some(({ route }) => route === '/healthz')).toBe(false);
  expect(JSON.stringify(said)).not.toContain(canary);
  expect(JSON.stringify(said)).not.toContain(token);
});

interface Recorded {
  readonly name: string;
  readonly attributes: Attributes;
  readonly parent: string | undefined;
  readonly traceId: string;
  readonly spanId: string;
  ended: boolean;
  failed: boolean;
}

/** As little of an SDK as spans, their parents and the context of calls need. */
function registerTracer() {
  const spans: Recorded[] = [];
  // A tracer that has found its provider keeps it.
  let listens = true;
  const startSpan = (
    name: string,
    { attributes = {}, root }: SpanOptions = {},
    outside: Context = context.active(),
  ) => {
    if (!listens) return trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    const above = root ? undefined : trace.getSpanContext(outside);
    const traceId = above?.traceId ?? randomBytes(16).toString('hex');
    const spanId = randomBytes(8).toString('hex');
    const recorded: Recorded = {
      name,
      attributes: { ...attributes },
      parent: above?.spanId,
      traceId,
      spanId,
      ended: false,
      failed: false,
    };
    spans.push(recorded);
    return {
      spanContext: () => ({ traceId, spanId, traceFlags: 1 }),
      isRecording: () => true,
      setAttribute(key: string, value: string) {
        recorded.attributes[key] = value;
      },
      setStatus() {
        recorded.failed = true;
      },
      end() {
        recorded.ended = true;
      },
    } as unknown as Span;
  };
  const storage = new AsyncLocalStorage<Context>();
  context.setGlobalContextManager({
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (within, work, self, ...args) => storage.run(within, () => work.call(self as never, ...args)),
    bind: (_, target) => target,
    enable() {
      return this;
    },
    disable() {
      return this;
    },
  });
  trace.setGlobalTracerProvider({
    getTracer: () => ({ startSpan, startActiveSpan: () => undefined as never }),
  });
  const stop = () => {
    listens = false;
    trace.disable();
    context.disable();
  };
  return { spans, stop };
}

test('a tracer that was registered gets spans of jobs, attempts and calls, and the target the trace', async () => {
  const { spans, stop } = registerTracer();
  const before = crm.hits.length;
  await run(['a', 'bad']);
  stop();
  await run(['untraced']);

  await expect.poll(() => spans.every(({ ended }) => ended)).toBe(true);
  const named = (name: string) => spans.filter((span) => span.name === name);
  const [job] = named('job to-crm');
  const attempts = named('attempt to-crm');
  const calls = named('POST crm');
  expect([attempts.length, calls.length, named('job to-crm').length]).toEqual([2, 2, 1]);
  expect(job?.attributes).toMatchObject({ 'sluice.flow': 'to-crm' });
  expect(attempts.map(({ parent }) => parent)).toEqual([job?.spanId, job?.spanId]);
  expect(calls.map(({ parent }) => parent).sort()).toEqual(attempts.map(({ spanId }) => spanId).sort());
  expect(calls.find(({ failed }) => failed)?.attributes).toMatchObject({ 'error.type': 'http_422' });
  expect(attempts.filter(({ failed }) => failed)).toHaveLength(1);
  const hits = crm.hits.slice(before);
  const sent = hits.flatMap(({ headers }) => headers.traceparent ?? []);
  expect(sent.sort()).toEqual(calls.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`).sort());
  expect(hits).toHaveLength(3);
  expect(JSON.stringify(spans)).not.toContain(canary);
});
