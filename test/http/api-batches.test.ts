import { expect } from 'vitest';
import { test as base } from '../support/database.ts';
import { type Served, serve } from '../support/http.ts';

const echo = 'flow: echo-all\nversion: 1\ntarget: { connector: echo }\n';
const strict = 'flow: strict\ntarget: { connector: echo }\nmapping:\n  email: source.email | required\n';

const test = base.extend<{ api: Served }>({
  api: [
    async ({ address }, use) => {
      const served = await serve(address, { flows: { 'echo-all.yaml': echo, 'strict.yaml': strict } });
      await use(served);
      await served.stop();
    },
    { scope: 'file' },
  ],
});

const batches = '/api/v1/batches';
const post = (body: Record<string, unknown>) => ({ method: 'POST', body });

/** A finished job of the flow `strict`, in which the records without an email have failed. */
async function strictJob(api: Served, rows: readonly Record<string, unknown>[]): Promise<string> {
  const { batch_job_id: id } = await api.json(batches, post({ flow: 'strict', records: rows }));
  const { finished } = await api.json(`${batches}/${id}?wait_seconds=20`);
  expect(finished).toBe(true);
  return id;
}

test('a batch is started in the words of the operation or in those of other clients', async ({ api }) => {
  const payloads = [JSON.stringify({ n: 1 }), { n: 2 }, JSON.stringify({ n: 3 })];

  const own = await api.request(batches, post({ flow_id: 'echo-all', records: [{ n: 1 }], concurrency: 2 }));
  const other = await api.json(batches, post({ flow: 'echo-all', payloads, max_concurrency: 3 }));
  const text = await api.json(
    batches,
    post({ flow: 'echo-all', payloads: JSON.stringify(['{"n": 4}']), allow_repeat: true }),
  );

  const answer = (await own.json()) as Record<string, unknown>;
  expect(own.status).toBe(201);
  expect(own.headers.get('location')).toBe(`${batches}/${answer.batch_job_id}`);
  expect(answer).toMatchObject({ concurrency: 2, total: 1, total_count: 1, id: answer.batch_job_id });
  expect(other).toMatchObject({ concurrency: 3, total_count: 3 });
  expect(text).toMatchObject({ total_count: 1 });
  const job = await api.json(`${batches}/${other.batch_job_id}?include=records&wait_seconds=20&limit=2`);
  expect(job).toMatchObject({
    status: 'completed',
    succeeded_count: 3,
    failed_count: 0,
    total_count: 3,
    records: [
      { index: 0, status: 'succeeded', payload: { n: 1 } },
      { index: 1, payload: { n: 2 } },
    ],
    next_cursor: '1',
  });
  expect(await api.json(`${batches}/${other.batch_job_id}`)).not.toHaveProperty('records');
});

test('jobs are listed by flow and status, page by page', async ({ api }) => {
  for (let n = 0; n < 3; n++) await strictJob(api, [{ email: `${n}@example.com` }, { n }]);

  const partial = await api.json(`${batches}?flow=strict&status=partially_failed&limit=2`);
  const rest = await api.json(`${batches}?flow=strict&limit=2&cursor=${partial.next_cursor}`);
  const skipped = await api.json(`${batches}?flow=strict&offset=2`);

  expect(partial.jobs).toHaveLength(2);
  expect(partial.jobs[0]).toMatchObject({
    status: 'completed_with_errors',
    succeeded_count: 1,
    failed_count: 1,
    total_count: 2,
  });
  expect(rest.jobs).toHaveLength(1);
  expect(skipped.jobs).toEqual(rest.jobs);
  expect((await api.json(`${batches}?flow=strict&status=running`)).jobs).toEqual([]);
});

test('failed records are shown whole, downloaded, retried and given up', async ({ api }) => {
  const long = 'x'.repeat(5000);
  const rows = Array.from({ length: 60 }, (_, n) => ({ n, long }));
  const id = await strictJob(api, rows);

  const errors = await api.json(`${batches}/${id}/errors`);
  const csv = await api.request(`${batches}/${id}/errors.csv`);
  const table = await csv.text();
  const retried = await api.request(
    `${batches}/${id}/retry`,
    post({ patch: { set: { email: 'a@example.com' } }, select: { indexes: [0, 1] } }),
  );

  expect(errors).toMatchObject({ total_failed: 60, next_cursor: '49' });
  expect(errors.errors).toHaveLength(50);
  expect(errors.errors[0].payload).toEqual({ n: 0, long });
  expect(errors.files.csv.url).toBe(`${batches}/${id}/errors.csv`);
  expect(JSON.stringify(errors)).not.toContain(api.home);
  expect(csv.headers.get('content-type')).toContain('text/csv');
  expect(csv.headers.get('content-disposition')).toContain(`${id}-errors.csv`);
  expect(Number(csv.headers.get('content-length'))).toBe(Buffer.byteLength(`\ufeff${table}`));
  expect(table.split('\n')).toHaveLength(62);
  expect(retried.status).toBe(202);
  expect(await retried.json()).toMatchObject({ selected: 2, patched: 2, wave: 1 });
  const job = await api.json(`${batches}/${id}?wait_seconds=20`);
  expect(job).toMatchObject({ succeeded_count: 2, failed_count: 58, counts: { retried_success: 2 } });
  const story = await api.json(`${batches}/${id}/records/0`);
  expect(story.record).toMatchObject({ status: 'retried_success', patches: 1, payload: { long } });
  const results = await api.request(`${batches}/${id}/results.ndjson?statuses=retried_success`);
  expect((await results.text()).trim().split('\n')).toHaveLength(2);
});

/** Retries failed records under a key, and tells the status beside the answer. */
async function keyedRetry(api: Served, id: string, key: string, body: Record<string, unknown> = {}) {
  const headers = { 'idempotency-key': key };
  const response = await api.request(`${batches}/${id}/retry`, { ...post(body), headers });
  const answer = (await response.json()) as Record<string, unknown>;
  return { ...answer, http: response.status } as Record<string, unknown>;
}

test('a retry whose answer was lost is told again, also when its wave has ended meanwhile', async ({
  api,
}) => {
  const id = await strictJob(api, [{ n: 0 }, { n: 1 }]);
  const patch = { set: { m: 1 } };
  const select = { indexes: [0, 1] };

  const first = await keyedRetry(api, id, 'again', { select, patch });
  await api.json(`${batches}/${id}?wait_seconds=20`);
  const second = await keyedRetry(api, id.slice(0, -2), 'again', { patch, select });
  const look = await keyedRetry(api, id, 'again', { preview: true });

  expect(first).toMatchObject({ http: 202, selected: 2, patched: 2, wave: 1, replayed: false });
  expect(second).toMatchObject({ http: 200, replayed: true, status: 'completed_with_errors' });
  for (const name of ['batch_job_id', 'wave', 'selected', 'patched', 'concurrency'])
    expect(second[name], name).toEqual(first[name]);
  expect(second.next_step).toContain('has finished since');
  expect(look).toMatchObject({ http: 200, selected: 2 });
  const story = await api.json(`${batches}/${id}/records/0`);
  expect(story.record).toMatchObject({ attempts: 2, patches: 1, wave: 1 });
});

test('of calls at the same time with one key a single wave begins, and all are told of it', async ({
  api,
}) => {
  const id = await strictJob(api, [{ n: 0 }]);

  const answers = await Promise.all(Array.from({ length: 6 }, () => keyedRetry(api, id, 'at once')));

  expect(answers.map(({ wave, selected }) => [wave, selected])).toEqual(Array(6).fill([1, 1]));
  expect(answers.filter(({ replayed }) => replayed === false)).toHaveLength(1);
});

test('a key of a retry with other arguments is refused, and stands for one job alone', async ({ api }) => {
  const id = await strictJob(api, [{ n: 0 }, { n: 1 }]);
  const other = await strictJob(api, [{ n: 2 }]);

  await keyedRetry(api, id, 'k', { select: { indexes: [0] } });
  await api.json(`${batches}/${id}?wait_seconds=20`);
  const refused = await keyedRetry(api, id, 'k', { select: { indexes: [1] } });
  const another = await keyedRetry(api, other, 'k');
  const next = await keyedRetry(api, id, 'k2', { select: { indexes: [1] } });

  expect(refused).toMatchObject({
    http: 409,
    code: 'idempotency_key_reused',
    detail: expect.stringContaining(`wave 1 of batch job ${id} with other arguments`),
  });
  expect(another).toMatchObject({ http: 202, wave: 1, replayed: false });
  expect(next).toMatchObject({ http: 202, wave: 2, selected: 1 });
});

test('a retry that begins nothing leaves its key free', async ({ api }) => {
  const id = await strictJob(api, [{ n: 0 }]);

  const preview = await keyedRetry(api, id, 'k', { preview: true });
  const nothing = await keyedRetry(api, id, 'k', { select: { indexes: [9] } });
  const begun = await keyedRetry(api, id, 'k');

  expect(preview).toMatchObject({ http: 200, selected: 1, preview: [{ index: 0 }] });
  expect(nothing).toMatchObject({ code: 'nothing_to_retry' });
  expect(begun).toMatchObject({ http: 202, wave: 1, replayed: false });
});

test('dead letters of all jobs are listed, sent again and dropped', async ({ api }) => {
  const rows = [{ n: 0 }, { n: 1 }, { n: 2 }];
  const batch = { on_record_failure: 'dead-letter' };
  const { batch_job_id } = await api.json(batches, post({ flow: 'strict', records: rows, batch }));
  await api.json(`${batches}/${batch_job_id}?wait_seconds=20`);

  const listed = await api.json('/api/v1/dead-letters?flow=strict');
  const dropped = await api.json(`/api/v1/dead-letters?batch_job_id=${batch_job_id}&indexes=0,1`, {
    method: 'DELETE',
  });
  const retried = await api.json('/api/v1/dead-letters/retry', post({ batch_job_id }));

  expect(listed).toMatchObject({ total_failed: 3, errors: [{ batch_job_id, flow: 'strict' }, {}, {}] });
  expect(dropped.dropped).toBe(2);
  expect(retried.selected).toBe(1);
  await api.json(`${batches}/${batch_job_id}?wait_seconds=20`);
  const { lines } = await api.json(`/api/v1/logs?batch_job_id=${batch_job_id}&text=email&limit=100`);
  expect(lines).toHaveLength(4);
});

test('dead letters are sent again once for a key', async ({ api }) => {
  const { batch_job_id } = await api.json(
    batches,
    post({ flow: 'strict', records: [{ dead: 1 }], batch: { on_record_failure: 'dead-letter' } }),
  );
  await api.json(`${batches}/${batch_job_id}?wait_seconds=20`);
  const again = () =>
    api.json('/api/v1/dead-letters/retry', {
      ...post({ batch_job_id }),
      headers: { 'idempotency-key': 'k' },
    });

  const first = await again();
  await api.json(`${batches}/${batch_job_id}?wait_seconds=20`);

  expect(await again()).toMatchObject({ wave: first.wave, replayed: true });
});

test('what the state of a job does not allow is a conflict', async ({ api }) => {
  const id = await strictJob(api, [{ email: 'a@example.com' }]);

  const finished = await api.request(`${batches}/${id}`, { method: 'PATCH', body: { action: 'cancel' } });
  const undo = await api.request(`${batches}/${id}/undo`, { method: 'POST' });

  expect(finished.status).toBe(409);
  expect(await finished.json()).toMatchObject({ code: 'batch_job_finished', status: 409 });
  expect(undo.status).toBe(409);
});

test('a preview sends nothing and says what a start would do', async ({ api }) => {
  const preview = await api.json(
    '/api/v1/previews',
    post({ flow: 'strict', payloads: [{ email: 'a@b.c' }, {}] }),
  );

  expect(preview).toMatchObject({ rows: 2, counts: { would_send: 1, would_fail: 1 } });
});

test('a flow is written, read and replaced', async ({ api }) => {
  const flow = '/api/v1/flows/made';
  const text = 'flow: made\ntarget: { connector: echo }\n';
  const put = (body: string, headers: Record<string, string> = {}) =>
    api.request(flow, { method: 'PUT', body, headers: { 'content-type': 'application/yaml', ...headers } });

  const made = await put(text);
  const read = await api.request(flow);
  const tag = read.headers.get('etag') ?? '';
  const blind = await put(`${text}description: changed\n`);
  const replaced = await put(`${text}description: changed\n`, { 'if-match': tag });
  const broken = await api.request(flow, { method: 'PUT', body: { text: 'flow: made\ntargett: 1\n' } });
  const other = await put('flow: another\ntarget: { connector: echo }\n');

  expect(made.status).toBe(200);
  expect(await read.json()).toMatchObject({ name: 'made', text });
  expect(blind.status).toBeGreaterThanOrEqual(400);
  expect(replaced.status).toBe(200);
  expect(broken.status).toBe(422);
  expect(await broken.json()).toMatchObject({
    code: 'flow_invalid',
    detail: expect.stringContaining('target'),
  });
  expect(other.status).toBe(400);
  expect((await api.json('/api/v1/flows')).flows.map(({ name }: { name: string }) => name)).toContain('made');
});

test('how flows are written is told by topic', async ({ api }) => {
  const all = await api.json('/api/v1/flow-reference');
  const one = await api.json('/api/v1/flow-reference?topic=mapping');
  const none = await api.request('/api/v1/flow-reference?topic=maping');

  expect(all.topics).toHaveProperty('http_request');
  expect(one).toMatchObject({ topic: 'mapping', text: expect.stringMatching(/^## Mapping\n/) });
  expect(none.status).toBe(400);
  expect(await none.json()).toMatchObject({ detail: expect.stringContaining('did you mean mapping?') });
});

test('what is no request of the API is refused with the reason', async ({ api }) => {
  const text = (body: string, contentType = 'application/json') =>
    api.request(batches, { method: 'POST', body, headers: { 'content-type': contentType } });
  const detailOf = async (response: Response) => [
    response.status,
    ((await response.json()) as { detail: string }).detail,
  ];

  expect(await detailOf(await text('{"flow": "strict"}', 'text/plain'))).toEqual([
    415,
    expect.stringContaining('application/json'),
  ]);
  expect(await detailOf(await text('{"flow": "strict",\n "records": nope}'))).toEqual([
    400,
    expect.stringContaining('line 2, column 14'),
  ]);
  expect(await detailOf(await text('{"flow": "strict"'))).toEqual([
    400,
    expect.stringContaining('position 17'),
  ]);
  expect(await detailOf(await text('{"flow": "strict", "payloads": ["{"]}'))).toEqual([
    400,
    expect.stringContaining('payloads[0]'),
  ]);
  expect(await detailOf(await text(`{"records": ${'['.repeat(300)}${']'.repeat(300)}}`))).toEqual([
    400,
    expect.stringContaining('levels deep'),
  ]);
  expect(await detailOf(await api.request(`${batches}?statsu=failed`))).toEqual([
    400,
    expect.stringContaining('did you mean status?'),
  ]);
  expect(await detailOf(await api.request(`${batches}?limit=many`))).toEqual([
    400,
    expect.stringContaining('limit'),
  ]);
  const wrong = await api.request(batches, { method: 'DELETE' });
  expect(wrong.status).toBe(405);
  expect(wrong.headers.get('allow')).toBe('POST, GET, HEAD');
  const head = await api.request(batches, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  expect((await api.request('/api/v1/nothing')).status).toBe(404);
});

test('what belongs to others cannot be told from what is missing', async ({ api }) => {
  const id = await strictJob(api, [{ email: 'a@example.com' }]);
  const token = await api.tokenOf('ada');
  const missing = '00000000-0000-7000-8000-000000000000';

  for (const path of ['', '/records', '/errors', '/results', '/errors.csv', '/records/0']) {
    const foreign = await api.request(`${batches}/${id}${path}`, { token });
    const absent = await api.request(`${batches}/${missing}${path}`, { token });
    const words = await foreign.text();
    expect([foreign.status, absent.status]).toEqual([404, 404]);
    expect(words.replaceAll(id, missing)).toBe(await absent.text());
  }
  expect((await api.json(batches, { token })).jobs).toEqual([]);
});

test('an index that no record can have is said to be too small or too large', async ({ api }) => {
  const id = await strictJob(api, [{ email: 'a@example.com' }]);

  const refusals = await Promise.all(
    ['-1', '12345678901'].map((index) => api.request(`${batches}/${id}/records/${index}`)),
  );
  const said = await Promise.all(
    refusals.map(async (refusal) => ((await refusal.json()) as { detail: string }).detail),
  );

  expect(refusals.map(({ status }) => status)).toEqual([400, 400]);
  expect(said).toEqual([
    expect.stringMatching(/index: must be at least 0/),
    expect.stringMatching(/index: must be at most 2147483647/),
  ]);
});
