import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished } from 'vitest';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/domain/json.ts';
import type { EngineOptions } from '../../src/engine/engine-options.ts';
import type { Flow } from '../../src/flows/flow.ts';
import { createJob, type NewJob } from '../../src/store/create-job.ts';
import type { Database } from '../../src/store/database.ts';
import { countDeliveries, type DeliveryCounts } from '../../src/store/delivery-attempts.ts';
import { setup } from '../connectors/registry-under-test.ts';
import { until } from '../faults/until.ts';
import { test, urlOf } from '../support/database.ts';
import { fail, finished, jobWhen, runFlow, testEngine, testFlow } from '../support/engine.ts';
import { letLapse, newJob, startJob } from '../support/jobs.ts';
import { type Received, type ReceiverAnswer, startReceiver } from '../support/receiver.ts';

const secret = `whsec_${Buffer.from('a secret of thirty-two characters').toString('base64')}`;

const toldOf = (onRecordFailure: 'log' | 'callback', more: Partial<NewJob['policy']> = {}) => ({
  policy: { continueOnError: true, onRecordFailure, maxFailures: null, callback: 'hook', ...more },
});

/** A receiver, and what an engine needs to send it callbacks quickly. */
async function hook(answer?: (got: Received, count: number) => ReceiverAnswer | Promise<ReceiverAnswer>) {
  const receiver = await startReceiver(answer);
  onTestFinished(() => receiver.close());
  const { registry, folder } = await setup(
    `hook:\n  type: webhook\n  url: ${receiver.url}\n  secret_env: HOOK_SECRET\n`,
    {
      env: { HOOK_SECRET: secret },
    },
  );
  const options: Partial<EngineOptions> = {
    openConnectors: async () => registry,
    deliveryWaitsMs: [10, 20, 20],
  };
  return { receiver, folder, options };
}

async function deliveriesWhen(db: Database, id: string, condition: (counts: DeliveryCounts) => boolean) {
  let counts = await countDeliveries(db, id);
  await until('the deliveries', async () => {
    counts = await countDeliveries(db, id);
    return condition(counts);
  });
  return counts;
}

/** The example of an event in docs/callbacks.md. */
function documented(type: string): JsonValue {
  const page = readFileSync(join(import.meta.dirname, '../../docs/callbacks.md'), 'utf8');
  return JSON.parse(page.split(`\`\`\`json event=${type}\n`)[1]?.split('```')[0] ?? '');
}

/** The names of a value's fields, and theirs; of a list those of its first element. */
function shapeOf(value: JsonValue): unknown {
  if (Array.isArray(value)) return [shapeOf(value[0] ?? null)];
  if (!isJsonObject(value)) return null;
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, shapeOf(held)]));
}

const failing: Flow = testFlow(({ index }) =>
  index % 3 === 1 ? fail('data', { code: 'http_422', untrustedMessage: 'no such plan', step: 'send' }) : null,
);

test('failures and the end of a job are told once each, signed, without payloads', async ({ db }) => {
  const { receiver, options } = await hook();

  const { id, engine } = await runFlow(db, failing, 9, toldOf('callback'), options);
  await jobWhen(db, id, finished);
  const counts = await deliveriesWhen(db, id, ({ delivered }) => delivered === 4);

  expect(counts).toEqual({ pending: 0, delivered: 4, givenUp: 0, lastError: null });
  const { received } = receiver;
  expect(new Set(received.map((got) => got.id)).size).toBe(4);
  for (const { body, headers } of received) {
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toBeTruthy();
    expect(body).not.toContain('"n"');
  }
  const failures = received.filter(({ event }) => event.type === 'record.failed');
  expect(failures.map(({ event }) => event.data.index).sort()).toEqual([1, 4, 7]);
  expect(failures[0]?.event).toMatchObject({
    version: 1,
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    data: {
      batch_job_id: id,
      flow: { name: 'test-flow', version: 1, revision: 'revision' },
      id: expect.stringMatching(/^id-\d$/),
      status: 'failed',
      attempts: 1,
      error: {
        class: 'data',
        code: 'http_422',
        message: 'The test said so',
        untrusted_message: 'no such plan',
        step: 'send',
        maybe_applied: false,
      },
    },
  });
  expect(received.find(({ event }) => event.type === 'batch.completed')?.event.data).toMatchObject({
    batch_job_id: id,
    status: 'completed_with_errors',
    stop_reason: null,
    wave: 0,
    total: 9,
    counts: { pending: 0, processing: 0, succeeded: 6, failed: 3, skipped: 0 },
    failed_now: 3,
    error_groups: [{ count: 3, class: 'data', code: 'http_422', message: 'The test said so', step: 'send' }],
    finished_at: expect.any(String),
  });
  for (const { event } of received) expect(shapeOf(event)).toEqual(shapeOf(documented(event.type)));
  await engine.stop(0);
});

test('failures before the first attempt and of records that kill are told, and the end of each wave', async ({
  db,
}) => {
  const { receiver, options } = await hook();
  const failure = { class: 'data', code: 'bad_row', message: 'ours', step: 'source' } as const;
  const records = [
    { id: 'bad', json: '{}', failure },
    { id: 'killer', json: '{}' },
    { id: 'good', json: '{}' },
  ];
  const job = newJob(3, { ...toldOf('callback'), records });
  const dead = await startJob(db, job);
  await db.run(
    (sql) => sql`
      with job as (update batch_jobs set processing = 1, pending = 1 where id = ${job.id})
      update records set status = 'processing', lease = ${dead.token}, claim = 0, crashes = 1, alone = true
      where job_id = ${job.id} and idx = 1`,
  );
  await letLapse(db, job.id);

  const engine = testEngine(
    db,
    testFlow(() => null),
    { ...options, holder: 'next' },
  );
  engine.wake();
  await deliveriesWhen(db, job.id, ({ delivered }) => delivered === 3);
  await db.run(
    (sql) => sql`
      with again as (
        update records set status = 'pending', wave = 1, not_before = 'epoch' where job_id = ${job.id} and idx = 1
      )
      update batch_jobs set wave = 1, finished_at = null, status = 'processing', pending = 1, failed = 1
      where id = ${job.id}`,
  );
  engine.wake();
  await deliveriesWhen(db, job.id, ({ delivered }) => delivered === 4);

  const told = receiver.received.map(({ event: { type, data } }) =>
    type === 'record.failed' ? [data.id, data.attempts, (data.error as JsonObject).code] : [type, data.wave],
  );
  expect(told.sort()).toEqual([
    ['bad', 0, 'bad_row'],
    ['batch.completed', 0],
    ['batch.completed', 1],
    ['killer', 1, 'poison'],
  ]);
  await engine.stop(0);
});

test('a delivery that is refused is sent again with the same id and body, and holds nothing up', async ({
  db,
}) => {
  const { receiver, options } = await hook((_, count) => ({ status: count <= 2 ? 500 : 200 }));

  const { id, engine } = await runFlow(
    db,
    testFlow(() => null),
    3,
    toldOf('log'),
    options,
  );
  const counts = await deliveriesWhen(db, id, ({ delivered }) => delivered === 1);

  expect(counts).toEqual({ pending: 0, delivered: 1, givenUp: 0, lastError: null });
  expect(receiver.received).toHaveLength(3);
  expect(new Set(receiver.received.map((got) => `${got.id} ${got.body}`)).size).toBe(1);
  expect(receiver.received[0]?.event.data).toMatchObject({ status: 'completed', error_groups: [] });
  await engine.stop(0);
});

test.for([
  [500, 4, 'hook answered 500 to POST its URL'],
  [400, 4, 'hook answered 400 to POST its URL'],
  [410, 1, 'hook answered 410 to POST its URL'],
] as const)(
  'a receiver that always answers %i is given up after %i attempts, and that is noted',
  async ([status, attempts, lastError], { db }) => {
    const { receiver, options } = await hook(() => ({ status }));

    const { id, engine } = await runFlow(
      db,
      testFlow(() => null),
      1,
      toldOf('log'),
      options,
    );
    const counts = await deliveriesWhen(db, id, ({ givenUp }) => givenUp === 1);

    expect(counts).toEqual({ pending: 0, delivered: 0, givenUp: 1, lastError });
    expect(receiver.received).toHaveLength(attempts);
    expect((await jobWhen(db, id, finished)).status).toBe('completed');
    const events = await db.run(
      (sql) => sql`select message from job_events where job_id = ${id} and kind = 'delivery_given_up'`,
    );
    expect(events).toEqual([{ message: `A callback to hook was given up: ${lastError}` }]);
    await engine.stop(0);
  },
);

test('a longer Retry-After wins over the plan', async ({ db }) => {
  const { receiver, options } = await hook(() => ({ status: 429, retryAfter: '3600' }));

  const { id, engine } = await runFlow(
    db,
    testFlow(() => null),
    1,
    toldOf('log'),
    options,
  );
  await deliveriesWhen(db, id, ({ lastError }) => lastError !== null);

  const [row] = await db.run(
    (sql) => sql`select extract(epoch from due_at - now())::int as wait from deliveries where job_id = ${id}`,
  );
  expect(row?.wait).toBeGreaterThan(3500);
  expect(receiver.received).toHaveLength(1);
  await engine.stop(0);
});

test('while a receiver hangs jobs go on, only a few calls wait, and what is cut off is not counted', async ({
  db,
}) => {
  const { receiver, options } = await hook(() => undefined);
  const flow = testFlow(() => fail('data'));

  const { id, engine } = await runFlow(db, flow, 40, toldOf('callback'), options);
  await jobWhen(db, id, finished);
  await until('calls', () => receiver.received.length === 5);
  await engine.stop(50);

  const rows = await db.run(
    (sql) => sql`
      select attempts, due_at <= now() as due, count(*)::int as count from deliveries where job_id = ${id}
      group by 1, 2`,
  );
  expect(rows).toEqual([{ attempts: 0, due: true, count: 41 }]);
  expect(receiver.received).toHaveLength(5);
  await db.run((sql) => sql`delete from deliveries where job_id = ${id}`);
});

test('a crowd that has waited for more than a day is given up when the receiver is still dead', async ({
  db,
}) => {
  const { receiver, options } = await hook(() => ({ status: 503 }));
  const { id, engine } = await runFlow(db, failing, 200, toldOf('callback'), {
    ...options,
    deliveryWaitsMs: [3_600_000],
  });
  await jobWhen(db, id, finished);
  await engine.stop(0);
  await db.run(
    (sql) =>
      sql`update deliveries set due_at = now(), created_at = now() - interval '27 hours' where job_id = ${id}`,
  );
  const calls = receiver.received.length;

  const next = testEngine(db, failing, { ...options, deliveryWaitsMs: Array(100).fill(2) });
  next.wake();
  const counts = await deliveriesWhen(db, id, ({ pending }) => pending === 0);

  expect(counts).toMatchObject({ delivered: 0, givenUp: 68, lastError: 'hook answered 503 to POST its URL' });
  expect(receiver.received.length - calls).toBeLessThan(35);
  await next.stop(0);
});

test('what a process had sent when it was killed is sent again by another, with the same id', async ({
  db,
  address,
}) => {
  const { receiver, folder, options } = await hook();
  const job = newJob(1, { ...toldOf('log'), holder: 'nobody', leaseMs: 0 });
  await createJob(db, job);
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, '../faults/engine-child.ts'), urlOf(address), '', 'silent'],
    {
      stdio: 'ignore',
      env: { ...process.env, HOOK_SECRET: secret, CONNECTORS: folder, SLUICE_FAULTS: 'after_delivery' },
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
  expect(receiver.received).toHaveLength(1);
  const [held] = await db.run(
    (sql) => sql`
      update deliveries set due_at = now() where job_id = ${job.id}
      returning extract(epoch from (select due_at from deliveries d where d.id = deliveries.id) - now())::int as held`,
  );
  expect(held?.held).toBeGreaterThan(30);

  const engine = testEngine(
    db,
    testFlow(() => null),
    options,
  );
  engine.wake();
  await deliveriesWhen(db, job.id, ({ delivered }) => delivered === 1);

  const [first, second] = receiver.received;
  expect(receiver.received).toHaveLength(2);
  expect(second?.id).toBe(first?.id);
  expect(second?.body).toBe(first?.body);
  await engine.stop(0);
});
