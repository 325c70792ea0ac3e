import { expect } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import {
  addRecords,
  analyzeRecords,
  endIntake,
  intakePosition,
  type NewRecord,
} from '../../src/store/intake.ts';
import { test } from '../support/database.ts';
import { countersOf, failureOf, letLapse, newJob, startJob } from '../support/jobs.ts';

const rows = (count: number): NewRecord[] =>
  Array.from({ length: count }, (_, n) => ({ id: null, json: `{"n":${n}}` }));
const bad: NewRecord = { id: null, json: 'null', failure: failureOf('data') };
const reading = { records: undefined } as const;

test('rows and counters move together, and the intake remembers where it stands', async ({ db }) => {
  const lease = await startJob(db, newJob(0, reading));

  await addRecords(db, lease, 0, [...rows(3), bad]);
  await addRecords(db, lease, 4, rows(2));

  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 5, failed: 1 });
  expect(await intakePosition(db, lease.batchJobId)).toBe(6);
});

test('ids and payloads are kept as they are, whatever is in them', async ({ db }) => {
  const lease = await startJob(db, newJob(0, reading));
  const odd = ['two\nlines', 'a "quote" and a \\', '', null, '\t\u2028', 'null'];
  const given = odd.map((text) => ({ id: text, json: JSON.stringify({ text }) }));

  await addRecords(db, lease, 0, [...given, { ...bad, id: 'also\nbad' }]);

  const kept = await db.run(
    (sql) => sql<{ id: string | null; payload: JsonValue; status: string }[]>`
      select record_id as id, payload, status from records where job_id = ${lease.batchJobId} order by idx`,
  );
  expect([...kept]).toEqual([
    ...odd.map((text) => ({ id: text, payload: { text }, status: 'pending' })),
    { id: 'also\nbad', payload: null, status: 'failed' },
  ]);
});

test('the same rows sent again are added once', async ({ db }) => {
  const lease = await startJob(db, newJob(0, reading));

  await addRecords(db, lease, 0, rows(3));

  expect(await addRecords(db, lease, 0, rows(3))).toBeUndefined();
  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 3 });
});

test('a process whose lease lapsed, or whose intake was ended, adds nothing', async ({ db }) => {
  const lapsed = await startJob(db, newJob(0, reading));
  await letLapse(db, lapsed.batchJobId);
  const ended = await startJob(db, newJob(0, reading));
  await endIntake(db, ended, 'stopped');

  expect(await addRecords(db, lapsed, 0, rows(1))).toBeUndefined();
  expect(await addRecords(db, ended, 0, rows(1))).toBeUndefined();
});

test('bad rows that reach the limit end the job', async ({ db }) => {
  const policy = { continueOnError: true, onRecordFailure: 'log', maxFailures: 2 } as const;
  const lease = await startJob(db, newJob(0, { ...reading, policy }));

  expect(await addRecords(db, lease, 0, [bad, ...rows(1)])).toEqual({ status: 'pending', failed: 1 });
  expect(await addRecords(db, lease, 2, [bad])).toEqual({ status: 'failed', failed: 1 });
});

test('the planner gets new numbers when a job is a large part of all records', async ({ db }) => {
  const samples = async () => {
    const [row] = await db.run(
      (sql) => sql<{ analyze_count: number }[]>`
        select analyze_count::int from pg_stat_user_tables where relname = 'records'`,
    );
    return row?.analyze_count ?? Number.NaN;
  };
  const large = await startJob(db, newJob(2000));
  const small = await startJob(db, newJob(20));
  const before = await samples();

  await analyzeRecords(db, large.batchJobId);
  expect(await samples()).toBe(before + 1);

  await analyzeRecords(db, small.batchJobId);
  expect(await samples()).toBe(before + 1);
});
