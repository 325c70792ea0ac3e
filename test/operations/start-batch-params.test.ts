import { expect } from 'vitest';
import type { Flow } from '../../src/flows/flow.ts';
import type { Parameter } from '../../src/flows/parameters.ts';
import { checkInput } from '../../src/operations/check-input.ts';
import type { OperationContext } from '../../src/operations/context.ts';
import { startBatch } from '../../src/operations/start-batch.ts';
import type { Database } from '../../src/store/database.ts';
import { test } from '../support/database.ts';
import { finished, jobWhen, testEngine, testFlow } from '../support/engine.ts';

const parameters: readonly Parameter[] = [
  { name: 'region', required: true, byDefault: undefined, description: 'Where to' },
  { name: 'limit', required: false, byDefault: 10 },
  { name: 'note', required: false, byDefault: undefined, type: 'string' },
];

/** start_batch as every surface calls it, over one flow. */
function starting(db: Database, flow: Flow, limits: Partial<OperationContext['limits']> = {}) {
  const engine = testEngine(db, flow, { permissions: { allowCodeSteps: true, allowedVariables: undefined } });
  const context = {
    open: async () => ({ db, engine, ensureStandby: async () => {} }),
    flows: { find: async () => flow },
    limits: {
      maxConcurrency: 50,
      maxRecordBytes: 1_000_000,
      leaseMs: 15_000,
      allowCodeSteps: false,
      ...limits,
    },
    signal: new AbortController().signal,
  } as unknown as OperationContext;
  return {
    engine,
    start: (params?: object, more: object = {}) => {
      const given = { flow_id: flow.name, records: [{ n: 1 }], ...(params && { params }), ...more };
      return startBatch.run(context, checkInput(startBatch, given));
    },
  };
}

async function countJobs(db: Database, label: string): Promise<number> {
  const rows = await db.run((sql) => sql`select 1 from batch_jobs where label = ${label}`);
  return rows.length;
}

test('a run sees what was given, completed by what the flow says', async ({ db }) => {
  const flow = testFlow(({ params }) => params, { parameters });
  const { start, engine } = starting(db, flow);

  const { batch_job_id: id } = await start({ region: 'eu', limit: null });
  await jobWhen(db, id, finished);

  const [row] = await db.run((sql) => sql`select result from records where job_id = ${id}`);
  expect(row?.result).toEqual({ region: 'eu', limit: 10, note: null });
  await engine.stop(0);
});

test('a flow that lists no parameters takes any', async ({ db }) => {
  const { start, engine } = starting(
    db,
    testFlow(({ params }) => params),
  );

  const { batch_job_id: id } = await start({ whatever: { nested: [1] } });
  await jobWhen(db, id, finished);

  const [row] = await db.run((sql) => sql`select result from records where job_id = ${id}`);
  expect(row?.result).toEqual({ whatever: { nested: [1] } });
  await engine.stop(0);
});

test.for([
  [{ regoin: 'eu' }, /there is no "regoin" \(did you mean region\?\); region is missing \(Where to\)/],
  [{ region: null }, /region is missing \(Where to\)/],
  [{ region: 'eu', note: 5 }, /note must be a string, not 5\./],
  [{ region: 'eu', zzz: 1 }, /there is no "zzz" \(there are region, limit, note\)/],
  [{ region: 'x'.repeat(70_000) }, /params has 70013 bytes as JSON; at most 65536/],
  [{ region: 'nul \u0000' }, /NUL/],
  [[1], /params/],
  ['eu', /params/],
] as const)('params %j are refused, and nothing is started', async ([params, text], { db }) => {
  const { start } = starting(
    db,
    testFlow(() => null, { parameters }),
  );

  await expect(async () => start(params as object, { label: 'refused' })).rejects.toThrow(text);
  expect(await countJobs(db, 'refused')).toBe(0);
});

test('the same key with other params is refused, and with the same ones in another order it is the same call', async ({
  db,
}) => {
  const { start, engine } = starting(
    db,
    testFlow(() => null),
  );
  const key = { idempotency_key: 'params-key' };
  const first = await start({ a: 1, b: { c: 1, d: 2 } }, key);

  const again = await start({ b: { d: 2, c: 1 }, a: 1 }, key);
  expect(again).toMatchObject({ replayed: true, batch_job_id: first.batch_job_id });
  await expect(start({ a: 2, b: { c: 1, d: 2 } }, key)).rejects.toMatchObject({
    code: 'idempotency_key_reused',
  });
  await engine.stop(0);
});

test('the same rows with other params are another work', async ({ db }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const flow = testFlow(
    async () => {
      await held;
      return null;
    },
    { parameters, name: 'other-work' },
  );
  const { start, engine } = starting(db, flow);
  const first = await start({ region: 'eu' });

  await expect(start({ region: 'eu', limit: 10 })).rejects.toMatchObject({ code: 'already_running' });
  const second = await start({ region: 'us' });
  expect(second.earlier_job).toBeUndefined();
  release();
  await jobWhen(db, first.batch_job_id, finished);
  await jobWhen(db, second.batch_job_id, finished);
  expect((await start({ region: 'us' })).earlier_job).toBe(second.batch_job_id);
  await engine.stop(0);
});

test('a flow with steps that run programs is refused where the operator has not allowed them', async ({
  db,
}) => {
  const needs = { codeSteps: ['python'], variables: [], approval: [] };
  const flow = testFlow(() => null, { needs });

  const { start } = starting(db, flow);
  await expect(start({}, { label: 'programs' })).rejects.toMatchObject({
    code: 'code_steps_not_allowed',
    message: expect.stringMatching(/python steps.*SLUICE_ALLOW_CODE_STEPS=1\. Nothing was started/),
  });
  expect(await countJobs(db, 'programs')).toBe(0);

  const { start: allowed, engine } = starting(db, flow, { allowCodeSteps: true });
  const { batch_job_id: id } = await allowed({});
  expect((await jobWhen(db, id, finished)).status).toBe('completed');
  await engine.stop(0);
});
