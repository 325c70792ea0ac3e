import { expect } from 'vitest';
import { RecordFailure } from '../../src/domain/failure.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import type { FinishedRecord } from '../../src/domain/record.ts';
import type { Ending, Flow } from '../../src/flows/flow.ts';
import { stopJob } from '../../src/store/control.ts';
import { readEndingResult } from '../../src/store/ending.ts';
import { steerJob } from '../../src/store/steering.ts';
import { test } from '../support/database.ts';
import {
  fail,
  finished,
  jobWhen,
  quickRetry,
  quietLog,
  runFlow,
  testEngine,
  testFlow,
} from '../support/engine.ts';
import { requeue } from '../support/jobs.ts';

/** A flow that keeps how it was ended. */
function endingFlow(
  atEnd: (ending: Ending) => Promise<JsonValue> | JsonValue = () => null,
  more: Partial<Flow> = {},
  run: Flow['run'] = () => null,
) {
  const endings: Ending[] = [];
  const flow = testFlow(run, {
    ...more,
    atEnd(ending) {
      endings.push(ending);
      return atEnd(ending);
    },
  });
  return { flow, endings };
}

test('the end part runs once, after all records, and before the job is finished', async ({ db }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { flow, endings } = endingFlow(async () => {
    await held;
    return { mailed: true };
  });

  const { id, engine } = await runFlow(db, flow, 25);
  await expect.poll(() => endings.length).toBe(1);
  const before = await jobWhen(db, id, () => true);
  release();
  const job = await jobWhen(db, id, finished);

  expect(before).toMatchObject({ finishedAt: null, status: 'processing', counts: { succeeded: 25 } });
  expect(job).toMatchObject({ status: 'completed', endingWave: 0, endingFailure: null });
  expect(endings).toHaveLength(1);
  expect(endings[0]).toMatchObject({
    batchJobId: id,
    wave: 0,
    status: 'completed',
    counts: { total: 25, succeeded: 25, failed: 0 },
  });
  expect(await readEndingResult(db, id)).toEqual({ mailed: true });
  await engine.stop(0);
});

test('the end part goes over all finished records in the order of the input', async ({ db }) => {
  const seen: FinishedRecord[] = [];
  const { flow } = endingFlow(
    async (ending) => {
      for await (const record of ending.results()) seen.push(record);
      return seen.length;
    },
    {},
    ({ index }) => (index === 7 ? fail('data') : { twice: 2 * index }),
  );

  const { id, engine } = await runFlow(db, flow, 1203, { concurrency: 20 });
  await jobWhen(db, id, finished);

  expect(seen.map(({ index }) => index)).toEqual(Array.from({ length: 1203 }, (_, n) => n));
  expect(seen[7]).toMatchObject({
    id: 'id-7',
    status: 'failed',
    payload: { n: 7 },
    result: null,
    error: 'The test said so',
  });
  expect(seen[1202]).toMatchObject({ status: 'succeeded', result: { twice: 2404 }, error: null });
  expect(await readEndingResult(db, id)).toBe(1203);
  await engine.stop(0);
});

test('a job that stopped at its limit runs the end part too', async ({ db }) => {
  const { flow, endings } = endingFlow(undefined, {}, () => fail('data'));
  const policy = { continueOnError: false, onRecordFailure: 'log', maxFailures: null } as const;

  const { id, engine } = await runFlow(db, flow, 50, { concurrency: 1, policy });
  const job = await jobWhen(db, id, finished);

  expect(job.status).toBe('failed');
  expect(endings).toEqual([
    expect.objectContaining({ status: 'failed', counts: expect.objectContaining({ skipped: 49 }) }),
  ]);
  await engine.stop(0);
});

test('a cancelled job runs the end part once what was under way has ended', async ({ db }) => {
  let underWay = 0;
  const { flow, endings } = endingFlow(
    () => underWay,
    {},
    async () => {
      underWay++;
      await new Promise((resolve) => setTimeout(resolve, 20));
      underWay--;
      return null;
    },
  );
  const { id, engine } = await runFlow(db, flow, 500, { concurrency: 3 });
  await jobWhen(db, id, ({ counts }) => counts.succeeded > 3);

  await stopJob(db, id, 'cancelled', 'cancelled');
  const job = await jobWhen(db, id, finished);

  expect(job.status).toBe('cancelled');
  expect(endings.map(({ status }) => status)).toEqual(['cancelled']);
  expect(await readEndingResult(db, id)).toBe(0);
  await engine.stop(0);
});

test('a paused job runs its end part when it is resumed, not before', async ({ db }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { flow, endings } = endingFlow(undefined, {}, async () => {
    await held;
    return null;
  });
  const { id, engine } = await runFlow(db, flow, 1);
  await jobWhen(db, id, ({ counts }) => counts.processing === 1);
  await steerJob(db, id, { action: 'pause' });
  engine.wake(id);
  release();
  await jobWhen(db, id, ({ held: isHeld }) => !isHeld);
  const paused = await jobWhen(db, id, ({ counts }) => counts.succeeded === 1);
  expect(paused).toMatchObject({ status: 'paused', finishedAt: null });
  expect(endings).toEqual([]);

  await steerJob(db, id, { action: 'resume' });
  engine.wake();
  expect((await jobWhen(db, id, finished)).status).toBe('completed');
  expect(endings).toHaveLength(1);
  await engine.stop(0);
});

test("a passing failure of the end part is tried again by the flow's policy", async ({ db }) => {
  let tries = 0;
  const { flow } = endingFlow(() => (++tries < 3 ? fail('transient') : tries), { retry: quickRetry(3) });

  const { id, engine } = await runFlow(db, flow, 1);
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ status: 'completed', endingFailure: null });
  expect(await readEndingResult(db, id)).toBe(3);
  await engine.stop(0);
});

test.for<[string, (ending: Ending) => JsonValue, object]>([
  ['a failure', () => fail('data'), { class: 'data', code: 'test_failure' }],
  ['a transient failure without retries', () => fail('transient'), { class: 'transient' }],
  [
    'an unexpected error',
    () => {
      throw new TypeError('secret-text');
    },
    { class: 'bug', code: 'unexpected_error' },
  ],
  ['a result that is no JSON', () => 1n as unknown as JsonValue, { class: 'bug' }],
])('%s of the end part shows in the job, whose records are done', async ([, atEnd, failure], { db }) => {
  const { flow, endings } = endingFlow(atEnd);

  const { id, engine } = await runFlow(db, flow, 3);
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({
    status: 'completed_with_errors',
    counts: { succeeded: 3 },
    endingFailure: failure,
  });
  expect(JSON.stringify(job.endingFailure)).not.toContain('secret-text');
  expect(endings).toHaveLength(1);
  await engine.stop(0);
});

test('each wave that ends the job has an end of its own', async ({ db }) => {
  let isDown = true;
  const { flow, endings } = endingFlow(undefined, {}, ({ index }) =>
    index === 0 && isDown ? fail('data') : null,
  );
  const { id, engine } = await runFlow(db, flow, 3);
  await jobWhen(db, id, finished);
  isDown = false;

  await requeue(db, id, 0, { statuses: ['failed'] }, 1);
  engine.wake();
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ endingWave: 1, counts: { retried_success: 1 } });
  expect(endings.map(({ wave, status }) => [wave, status])).toEqual([
    [0, 'completed_with_errors'],
    [1, 'completed'],
  ]);
  await engine.stop(0);
});

test('an end part that is cut off by the end of the process is run again by the next', async ({ db }) => {
  const { flow, endings } = endingFlow(() =>
    // Heeds no signal.
    endings.length === 1 ? new Promise(() => {}) : 'second',
  );
  const { id, engine } = await runFlow(db, flow, 2);
  await expect.poll(() => endings.length).toBe(1);

  await engine.stop(10);
  const stopped = await jobWhen(db, id, () => true);
  expect(stopped).toMatchObject({ held: false, endingWave: null });
  const other = testEngine(db, flow, { holder: 'other' });
  other.wake();
  const job = await jobWhen(db, id, finished);

  expect(job.status).toBe('completed');
  expect(await readEndingResult(db, id)).toBe('second');
  await other.stop(0);
});

test('a wait between two tries of the end part ends when the process stops', async ({ db }) => {
  const { flow, endings } = endingFlow(() => fail('transient'), { retry: quickRetry(5, 1000) });
  const { id, engine } = await runFlow(db, flow, 1);
  await expect.poll(() => endings.length).toBe(1);

  await engine.stop(5000);

  expect(await jobWhen(db, id, () => true)).toMatchObject({
    held: false,
    endingWave: null,
    finishedAt: null,
  });
  expect(endings).toHaveLength(1);
  // Nothing is left behind for the engines of other tests.
  const other = testEngine(
    db,
    testFlow(() => null, { atEnd: () => null }),
  );
  other.wake();
  await jobWhen(db, id, finished);
  await other.stop(0);
});

test('a job whose flow cannot be read ends, and says that its end part did not run', async ({ db }) => {
  const { flow, endings } = endingFlow();
  const { id } = await runFlow(db, flow, 3, { holder: 'nobody', leaseMs: 0 }, { runsJobs: () => false });
  await stopJob(db, id, 'cancelled', 'cancelled');

  const engine = testEngine(db, flow, { compile: () => undefined });
  engine.wake();
  const job = await jobWhen(db, id, finished);

  expect(job).toMatchObject({ status: 'cancelled', endingFailure: { code: 'end_part_not_run' } });
  expect(endings).toEqual([]);
  await engine.stop(0);
});

test('what the end part says goes to the log of the process', async ({ db }) => {
  const said: object[] = [];
  const log = { ...quietLog, info: (fields: object) => said.push(fields) };
  const { flow } = endingFlow(({ log: say }) => {
    say(`line\none ${'x'.repeat(1000)}`);
    return null;
  });

  const { id, engine } = await runFlow(db, flow, 1, {}, { log });
  await jobWhen(db, id, finished);

  expect(said).toEqual([
    { batchJobId: id, flow: 'test-flow', said: expect.stringMatching(/^line one x+…$/) },
  ]);
  await engine.stop(0);
});

test('an end part that throws a failure keeps its text from outside apart', async ({ db }) => {
  const { flow } = endingFlow(() => {
    throw new RecordFailure({
      class: 'data',
      code: 'http_422',
      message: 'crm answered 422',
      untrustedMessage: 'no',
    });
  });

  const { id, engine } = await runFlow(db, flow, 1);
  const job = await jobWhen(db, id, finished);

  expect(job.endingFailure).toEqual({
    class: 'data',
    code: 'http_422',
    message: 'crm answered 422',
    untrustedMessage: 'no',
  });
  await engine.stop(0);
});

test('what the end part returned is kept without the values of redacted fields, and with its sums', async ({
  db,
}) => {
  const { flow } = endingFlow(
    async ({ results }) => {
      const emails: JsonValue[] = [];
      for await (const { payload } of results()) emails.push((payload as { email: string }).email);
      return { emails, by: { 'ann0@x.example': 1, 'ann1@x.example': 2 }, sum: 123456 };
    },
    { redact: ['email', 'code'] },
  );
  const records = [0, 1].map((n) => ({
    id: null,
    json: JSON.stringify({ email: `Ann${n}@x.example`, code: '123456' }),
  }));

  const { id, engine } = await runFlow(db, flow, 2, { records });
  await jobWhen(db, id, finished);

  expect(await readEndingResult(db, id)).toEqual({
    emails: ['[redacted]', '[redacted]'],
    by: { '[redacted]': 1, '[redacted] 2': 2 },
    sum: 123456,
  });
  await engine.stop(0);
});

test('of a result that is too large to be kept its size is', async ({ db }) => {
  const { flow } = endingFlow(() => 'x'.repeat(1024 * 1024));

  const { id, engine } = await runFlow(db, flow, 1);
  await jobWhen(db, id, finished);

  expect(await readEndingResult(db, id)).toMatch(/^\(1048578 bytes: more than 1048576, and not kept\)$/);
  await engine.stop(0);
});
