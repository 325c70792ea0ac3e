import { EventSource } from 'eventsource';
import { expect, vi } from 'vitest';
import { openEventStream } from '../../src/http/api/event-stream.ts';
import { test as base } from '../support/database.ts';
import { type Served, serve } from '../support/http.ts';

const echo = 'flow: echo-all\nversion: 1\ntarget: { connector: echo }\n';

const test = base.extend<{ api: Served }>({
  api: [
    async ({ address }, use) => {
      const served = await serve(address, { flows: { 'echo-all.yaml': echo } });
      await use(served);
      await served.stop();
    },
    { scope: 'file' },
  ],
});

interface Received {
  readonly event: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: events are checked by what a test expects of them
  readonly data: any;
}

/** A job of so many records, started one by one at this rate. */
async function startJob(api: Served, count: number, rate: string): Promise<string> {
  const records = Array.from({ length: count }, (_, n) => ({ n }));
  const body = { flow: 'echo-all', payloads: records, batch: { rate }, allow_repeat: true };
  const { batch_job_id } = await api.json('/api/v1/batches', { method: 'POST', body });
  return batch_job_id;
}

const eventsPath = (id: string) => `/api/v1/batches/${id}/events`;

/** Every event of a stream, until it ends. */
const readEvents = async (response: Response) => eventsIn(await response.text());

function eventsIn(text: string): Received[] {
  const blocks = text.split('\n\n').filter((block) => block.includes('event:'));
  return blocks.map((block) => {
    const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s)));
    return { event: fields.event, id: fields.id, data: JSON.parse(fields.data) };
  });
}

const sumOf = (counts: Record<string, number>) =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

test('a job is followed from its present state to its end', async ({ api }) => {
  const id = await startJob(api, 30, '10/s');

  const response = await api.request(eventsPath(id));
  const events = await readEvents(response);

  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  const [first, ...others] = events;
  const last = others.at(-1);
  expect(first).toMatchObject({ event: 'batch_state', data: { batch_job: { id, total_count: 30 } } });
  expect(last).toMatchObject({
    event: 'batch_state',
    data: { event: 'batch_state', batch_job: { status: 'completed', finished: true, succeeded_count: 30 } },
  });
  const progress = events.filter(({ event }) => event === 'batch_progress');
  const done = progress.map(({ data }) => data.succeeded_count);
  expect(done.length).toBeGreaterThan(1);
  expect(done).toEqual([...done].sort((a, b) => a - b));
  for (const { data } of progress) expect(sumOf(data.counts)).toBe(data.total_count);
  const times = progress.map(({ data }) => Date.parse(data.timestamp));
  for (const [at, time] of times.slice(4).entries()) expect(time - (times[at] ?? 0)).toBeGreaterThan(900);
});

test('a reader that comes back hears the present state, and nothing once it knows the end', async ({
  api,
}) => {
  const id = await startJob(api, 14, '10/s');
  const leaving = new AbortController();
  const response = await api.request(eventsPath(id), { signal: leaving.signal });
  const { value } = (await response.body?.getReader().read()) ?? {};
  leaving.abort();
  const seen = /id: (\S+)/.exec(Buffer.from(value ?? []).toString())?.[1] ?? '';

  const again = await readEvents(await api.request(eventsPath(id), { headers: { 'last-event-id': seen } }));
  const last = again.at(-1)?.id ?? '';
  const over = await api.request(eventsPath(id), { headers: { 'last-event-id': last } });
  const fresh = await readEvents(await api.request(eventsPath(id)));

  expect(again[0]?.event).toBe('batch_state');
  expect(new Set(again.map(({ data }) => JSON.stringify(data))).size).toBe(again.length);
  expect(over.status).toBe(204);
  expect(fresh).toMatchObject([{ event: 'batch_state', data: { batch_job: { status: 'completed' } } }]);
});

test('a browser follows a job with a ticket, which opens one stream once', async ({ api }) => {
  const id = await startJob(api, 10, '20/s');
  const ticketFor = async (path: string) =>
    (await api.json('/api/v1/tickets', { method: 'POST', body: { path } })).ticket as string;
  const ticket = await ticketFor(eventsPath(id));

  const words: string[] = [];
  const source = new EventSource(new URL(`${eventsPath(id)}?ticket=${ticket}`, api.url));
  source.addEventListener('batch_state', ({ data }) => words.push(JSON.parse(data).batch_job.status));
  await vi.waitFor(() => expect(words.at(-1)).toBe('completed'), { timeout: 10_000 });
  source.close();

  const anonymous = { token: null };
  const used = await api.request(`${eventsPath(id)}?ticket=${ticket}`, anonymous);
  const elsewhere = await api.request(
    `/api/v1/batches/${id}?ticket=${await ticketFor(eventsPath(id))}`,
    anonymous,
  );
  const inQuery = await api.request(`${eventsPath(id)}?token=x`, anonymous);
  const other = await api.request('/api/v1/tickets', { method: 'POST', body: { path: '/api/v1/batches' } });
  expect([used.status, elsewhere.status, inQuery.status, other.status]).toEqual([401, 401, 400, 400]);
  expect(await inQuery.json()).toMatchObject({
    code: 'token_in_query',
    detail: expect.stringContaining('/api/v1/tickets'),
  });
});

test('readers of a job, however many, are told of a pause and of the end, and strangers of nothing', async ({
  api,
}) => {
  const id = await startJob(api, 40, '10/s');
  const token = await api.tokenOf('ada');
  const texts = Array.from({ length: 20 }, () => '');
  const reading = texts.map(async (_, at) => {
    const { body } = await api.request(eventsPath(id));
    for await (const piece of body ?? []) texts[at] += Buffer.from(piece).toString();
  });

  await api.json(`/api/v1/batches/${id}`, { method: 'PATCH', body: { action: 'pause' } });
  await vi.waitFor(
    () => expect(texts.every((text) => text.includes('"status":"paused"'))).toBe(true),
    10_000,
  );
  await api.json(`/api/v1/batches/${id}`, { method: 'PATCH', body: { action: 'cancel' } });
  await Promise.all(reading);

  for (const text of texts) {
    const states = eventsIn(text).filter(({ event }) => event === 'batch_state');
    const words = states.map(({ data }) => data.batch_job.status);
    expect(words).toContain('paused');
    expect(words.at(-1)).toBe('cancelled');
  }
  const foreign = await api.request(eventsPath(id), { token });
  const absent = await api.request(eventsPath('00000000-0000-7000-8000-000000000000'), { token });
  expect([foreign.status, absent.status]).toEqual([404, 404]);
});

test('a reader that does not read is dropped at the limit of what may wait', async () => {
  const ends: string[] = [];
  const stream = openEventStream(
    { onEnd: () => ends.push('end'), onTooSlow: () => ends.push('too slow') },
    1000,
  );
  const event = { event: 'batch_progress', id: '1', data: 'x'.repeat(1000) };

  let sent = 0;
  while (stream.send(event)) sent++;

  expect(sent).toBeGreaterThan(50);
  expect(sent).toBeLessThan(70);
  expect(ends).toEqual(['end', 'too slow']);
  expect(stream.send(event)).toBe(false);
});

test('streams end when the server does', async ({ address }) => {
  const served = await serve(address, { flows: { 'echo-all.yaml': echo } });
  const id = await startJob(served, 50, '1/s');
  const response = await served.request(eventsPath(id));

  const reading = response.text();
  await served.stop();

  expect(await reading).toContain('event: batch_state');
});
