import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import type { Flow } from '../../src/flows/flow.ts';
import type { OperationContext } from '../../src/operations/context.ts';
import { exportBatchResults } from '../../src/operations/export-batch-results.ts';
import { getBatchStatus } from '../../src/operations/get-batch-status.ts';
import { retryBatchFailedRecords } from '../../src/operations/retry-batch-failed-records.ts';
import type { Database } from '../../src/store/database.ts';
import { test } from '../support/database.ts';
import { fail, finished, jobWhen, runFlow, testFlow } from '../support/engine.ts';

const exportsFolder = mkdtempSync(join(tmpdir(), 'sluice-ending-'));
afterAll(() => rmSync(exportsFolder, { recursive: true, force: true }));

/** A job over a flow with an end part, and the operations as every surface calls them. */
async function begin(
  db: Database,
  atEnd: () => Promise<JsonValue> | JsonValue,
  run: Flow['run'] = () => null,
) {
  const { id, engine } = await runFlow(db, testFlow(run, { atEnd }), 3);
  const context = {
    open: async () => ({ db, engine, ensureStandby: async () => {} }),
    limits: { maxConcurrency: 50 },
    exportsFolder,
    signal: new AbortController().signal,
  } as unknown as OperationContext;
  return {
    id,
    engine,
    async status() {
      const answer = await getBatchStatus.run(context, {
        batch_job_id: id,
        wait_seconds: 0,
        response_format: 'concise',
      });
      return getBatchStatus.output.parse(answer);
    },
    results: (page: { cursor?: string | undefined } = {}) =>
      exportBatchResults.run(context, { batch_job_id: id, limit: 1, ...page }),
    retry: () => retryBatchFailedRecords.run(context, { batch_job_id: id }),
  };
}

test('get_batch_status says that the end part runs, and what it returned', async ({ db }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { id, engine, status } = await begin(db, async () => {
    await held;
    return { mailed: 3 };
  });
  await jobWhen(db, id, ({ counts }) => counts.succeeded === 3);

  const running = await status();
  release();
  await jobWhen(db, id, finished);
  const done = await status();

  expect(running).toMatchObject({ finished: false, percent: 100, ending: { status: 'running' } });
  expect(running.next_step).toContain('end part of the flow is running');
  expect(done).toMatchObject({
    finished: true,
    status: 'completed',
    ending: { status: 'done', result: { mailed: 3 } },
  });
  expect(done.next_step).toBe('Finished; every record succeeded.');
  await engine.stop(0);
});

test('a failed end part is named with its reason, and one retry runs it again', async ({ db }) => {
  let isDown = true;
  const { id, engine, status, retry } = await begin(db, () =>
    isDown ? fail('data', { message: 'crm answered 422', untrustedMessage: 'no' }) : 'mended',
  );
  await jobWhen(db, id, finished);
  const failed = await status();
  isDown = false;

  const begun = await retry();
  await jobWhen(db, id, finished);
  const mended = await status();

  expect(failed).toMatchObject({
    status: 'completed_with_errors',
    failed_now: 0,
    ending: {
      status: 'failed',
      error: { class: 'data', code: 'test_failure', message: 'crm answered 422', untrusted_message: 'no' },
    },
  });
  expect(failed.next_step).toMatch(/end part.*crm answered 422.*retry_batch_failed_records/);
  expect(failed.next_step).not.toContain('every record succeeded');
  expect(begun).toMatchObject({ wave: 1, selected: 0 });
  expect(mended).toMatchObject({ status: 'completed', ending: { status: 'done', result: 'mended' } });
  await engine.stop(0);
});

test('the flow is to blame for an end part that failed over data, so the retry takes the mended one', async ({
  db,
}) => {
  const { id, engine, status } = await begin(db, () => fail('data', { message: 'no number' }));
  await jobWhen(db, id, finished);

  const { next_step } = await status();

  expect(next_step).toContain(
    `retry_batch_failed_records {"batch_job_id": "${id}", "flow_version": "latest"}`,
  );
  await engine.stop(0);
});

test('a large result is shown by its beginning, and an export has it whole', async ({ db }) => {
  const whole = { text: 'x'.repeat(10_000) };
  const { id, engine, status, results } = await begin(db, () => whole);
  await jobWhen(db, id, finished);

  const { ending, next_step } = await status();
  const { ending_file = '', next_cursor } = await results();
  const next = await results({ cursor: next_cursor });

  expect(ending?.result).toMatch(/^\{"text":"x+…$/);
  expect(String(ending?.result).length).toBeLessThan(2048);
  expect(next_step).toContain(`export_batch_results {"batch_job_id": "${id}"} has all of it as ending_file.`);
  expect(JSON.parse(readFileSync(ending_file, 'utf8'))).toEqual(whole);
  expect(next.results).toMatchObject([{ index: 1 }]);
  expect(next).not.toHaveProperty('ending_file');
  await engine.stop(0);
});

test('a flow without an end part has none in its status', async ({ db }) => {
  const { id, engine } = await runFlow(
    db,
    testFlow(() => null),
    1,
  );
  await jobWhen(db, id, finished);
  const context = { open: async () => ({ db, engine }) } as unknown as OperationContext;

  const answer = await getBatchStatus.run(context, {
    batch_job_id: id,
    wait_seconds: 0,
    response_format: 'concise',
  });

  expect(answer).not.toHaveProperty('ending');
  await engine.stop(0);
});
