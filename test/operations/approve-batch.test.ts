import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Flow } from '../../src/flows/flow.ts';
import { approveBatch, showApproval } from '../../src/operations/approve-batch.ts';
import { checkInput } from '../../src/operations/check-input.ts';
import type { OperationContext } from '../../src/operations/context.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { operations } from '../../src/operations/operations.ts';
import { retryBatchFailedRecords } from '../../src/operations/retry-batch-failed-records.ts';
import { startBatch } from '../../src/operations/start-batch.ts';
import { updateBatch } from '../../src/operations/update-batch.ts';
import type { Database } from '../../src/store/database.ts';
import { findJob } from '../../src/store/jobs.ts';
import { test as base } from '../support/database.ts';
import { finished, jobWhen, runFlow, testEngine, testFlow } from '../support/engine.ts';

const test = base.extend<{ folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-approve-'));
    await use(folder);
    rmSync(folder, { recursive: true, force: true });
  },
});

const text = 'flow: test-flow\nconfirm: human\ntarget: echo\n';

/** A process with one flow that a person has to approve. */
function openProcess(db: Database, folder: string, more: Partial<Flow> = {}) {
  const seen: unknown[] = [];
  const flow = testFlow(({ payload }) => seen.push(payload), { confirm: 'human', text, ...more });
  const engine = testEngine(db, flow);
  const context = {
    open: async () => ({ db, engine, ensureStandby: async () => {} }),
    flows: { find: async () => flow, findRevision: async () => flow },
    readiness: { connectors: async () => [], missingFor: async () => [] },
    files: async () => ({ folders: [folder], home: folder }),
    limits: { maxConcurrency: 50, maxRecordBytes: 1_000_000, leaseMs: 15_000, allowCodeSteps: false },
    signal: new AbortController().signal,
  } as unknown as OperationContext;
  const call = (operation: unknown, given: object) => {
    const known = operation as Operation;
    // biome-ignore lint/suspicious/noExplicitAny: answers are checked by what a test expects of them
    return known.run(context, checkInput(known, given)) as Promise<any>;
  };
  return { seen, engine, call };
}

test('a job of a flow that wants a person reads and sends nothing before one has agreed', async ({
  db,
  folder,
}) => {
  const path = join(folder, 'rows.csv');
  writeFileSync(path, 'n\n1\n2\n3\n');
  const { seen, engine, call } = openProcess(db, folder);

  const started = await call(startBatch, { flow_id: 'test-flow', source: { path } });
  const { batch_job_id } = started;
  engine.wake(batch_job_id);
  expect(started).toMatchObject({ status: 'paused', total: 0, waiting_for: { kind: 'approval' } });
  expect(started.next_step).toContain(`sluice approve ${batch_job_id}`);
  await expect(call(updateBatch, { batch_job_id, action: 'resume' })).rejects.toThrow(/sluice approve/);
  expect(await call(showApproval, { batch_job_id })).toMatchObject({
    source: expect.stringContaining(path),
    summary: expect.stringContaining('echo'),
  });
  expect(await findJob(db, batch_job_id)).toMatchObject({
    intake: 'reading',
    intakePosition: 0,
    pauseKind: 'approval',
  });
  expect(seen).toEqual([]);

  const approved = await call(approveBatch, { batch_job_id, approved_by: 'erika' });
  const job = await jobWhen(db, batch_job_id, finished);
  const again = await call(approveBatch, { batch_job_id, approved_by: 'max' });

  expect(approved).toMatchObject({ status: 'pending', approved_by: 'erika' });
  expect(again.approved_by).toBe('erika');
  expect(job).toMatchObject({
    status: 'completed',
    approvedBy: 'erika',
    pauseKind: null,
    pauseMessage: null,
  });
  expect(seen).toHaveLength(3);
  const events = await db.run(
    (sql) => sql`select message from job_events where job_id = ${batch_job_id} and kind = 'approved'`,
  );
  expect(events.map(({ message }) => message)).toEqual(['Approved by erika.']);
  await engine.stop(0);
});

test('a job that was not approved can be cancelled, and then cannot be approved', async ({ db, folder }) => {
  const path = join(folder, 'rows.csv');
  writeFileSync(path, 'n\n1\n2\n');
  const { seen, engine, call } = openProcess(db, folder);
  const inline = await call(startBatch, { flow_id: 'test-flow', records: [{ n: 1 }] });
  const file = await call(startBatch, { flow_id: 'test-flow', source: { path } });

  for (const { batch_job_id } of [inline, file]) {
    await call(updateBatch, { batch_job_id, action: 'cancel' });
    const job = await jobWhen(db, batch_job_id, finished);
    expect(job.status).toBe('cancelled');
    await expect(call(approveBatch, { batch_job_id, approved_by: 'erika' })).rejects.toThrow(
      /waits for no approval/,
    );
    const again = { batch_job_id, select: { statuses: ['skipped'] } };
    await expect(call(retryBatchFailedRecords, again)).rejects.toThrow(/never approved/);
  }
  expect(seen).toEqual([]);
  await engine.stop(0);
});

test('a file that changes before the approval is not sent', async ({ db, folder }) => {
  const path = join(folder, 'rows.csv');
  writeFileSync(path, 'n\n1\n');
  const { seen, engine, call } = openProcess(db, folder);
  const { batch_job_id } = await call(startBatch, { flow_id: 'test-flow', source: { path } });

  writeFileSync(path, 'n\n1\n2\n');
  await call(approveBatch, { batch_job_id, approved_by: 'erika' });
  const job = await jobWhen(db, batch_job_id, finished);

  expect(job).toMatchObject({ status: 'failed', stopReason: 'source_broken' });
  expect(seen).toEqual([]);
  await engine.stop(0);
});

test('no process runs a job that lacks the approval, however it was made', async ({ db }) => {
  const seen: unknown[] = [];
  const flow = testFlow(({ payload }) => seen.push(payload), { confirm: 'human' });

  const { id, engine } = await runFlow(db, flow, 2);
  const job = await jobWhen(db, id, ({ obstacle }) => obstacle !== null);

  expect(job.obstacle).toContain("a person's approval");
  expect(seen).toEqual([]);
  await engine.stop(0);
});

test('no surface that a model sees offers the approval', () => {
  expect(operations.map(({ name }) => name)).not.toContain('approve_batch');
  expect(operations.map(({ name }) => name)).not.toContain('show_approval');
});
