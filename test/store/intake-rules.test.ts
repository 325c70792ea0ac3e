import { expect } from 'vitest';
import type { Database } from '../../src/store/database.ts';
import { addRecords, endOrderedIntake, type NewRecord } from '../../src/store/intake.ts';
import { noRules } from '../../src/store/sorted-rows.ts';
import { test } from '../support/database.ts';
import { countersOf, failureOf, newJob, startJob } from '../support/jobs.ts';

const row = (id: string | null, more: Partial<NewRecord> = {}): NewRecord => ({ id, json: '{}', ...more });
const reading = { records: undefined, idField: 'sku' } as const;

interface Shown {
  status: string;
  aside: string | null;
  held: boolean;
  message: string | null;
}

async function rowsOf(db: Database, batchJobId: string): Promise<string[]> {
  const rows = await db.run(
    (sql) => sql<Shown[]>`
      select status, set_aside as aside, held, failure->>'message' as message from records
      where job_id = ${batchJobId} order by idx`,
  );
  return rows.map(({ status, aside, held, message }) =>
    [status, aside, held ? 'held' : null, message].filter((part) => part !== null).join(' '),
  );
}

async function asideOf(db: Database, batchJobId: string) {
  const [job] = await db.run(
    (sql) => sql`
      select set_aside, new_records, changed_records from batch_jobs where id = ${batchJobId}`,
  );
  return { ...job };
}

const remember = (db: Database, flowName: string, id: string, digest: string) =>
  db.run(
    (sql) => sql`
      insert into last_successes (flow_name, record_id, digest, job_id)
      values (${flowName}, ${id}, ${digest}, gen_random_uuid())`,
  );

test('of the rows with one id the first stands, over all statements of an intake, even when it is bad', async ({
  db,
}) => {
  const rules = { ...noRules, idField: 'sku', duplicates: 'fail' } as const;
  const lease = await startJob(db, newJob(0, { ...reading, duplicates: 'fail' }));
  const bad = row('b', { failure: failureOf('data') });

  const first = await addRecords(db, lease, 0, [row('a'), bad, row('a'), row(null)], rules);
  const again = await addRecords(db, lease, 0, [row('a')], rules);
  const second = await addRecords(db, lease, 4, [row('b'), row('c'), row(null), row('c')], rules);

  expect([first, again, second]).toEqual([
    { status: 'pending', failed: 2 },
    undefined,
    { status: 'pending', failed: 2 },
  ]);
  const said = (number: number) =>
    `failed The id field "sku" has the value that row ${number} (index ${number - 1}) has already`;
  expect(await rowsOf(db, lease.batchJobId)).toEqual([
    'pending',
    'failed The test said so',
    said(1),
    'pending',
    said(2),
    'pending',
    'pending',
    said(6),
  ]);
  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 4, failed: 4 });
});

test('duplicates among inline records are set aside with the counters', async ({ db }) => {
  const records = [row('a'), row('b'), row('a'), row('a', { failure: failureOf('data') })];
  const lease = await startJob(db, newJob(0, { records, idField: 'sku', duplicates: 'skip' }));

  expect(await rowsOf(db, lease.batchJobId)).toEqual([
    'pending',
    'pending',
    'skipped duplicate',
    'failed The test said so',
  ]);
  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 2, failed: 1, skipped: 1 });
  expect(await asideOf(db, lease.batchJobId)).toEqual({ set_aside: 1, new_records: 0, changed_records: 0 });
});

test.for(['inline', 'by file'])(
  'a row that equals the last success is set aside, unless a row before it changes that: %s',
  async (how, { db }) => {
    const flow = { ...newJob(0).flow, name: `flow ${how}` };
    await remember(db, flow.name, 'a', 'A1');
    await remember(db, flow.name, 'b', 'B1');
    const rows = [
      row('a', { digest: 'A1' }),
      row('b', { digest: 'B2' }),
      row('a', { digest: 'A1' }),
      row('b', { digest: 'B1' }),
      row('c', { digest: 'C1' }),
      row('a'),
      row(null, { digest: 'A1' }),
    ];
    const rules = { ...noRules, flowName: flow.name, idField: 'sku', skipUnchanged: true };
    const job = { flow, idField: 'sku', skipUnchanged: true };

    const lease = await startJob(db, newJob(0, { ...job, records: how === 'inline' ? rows : undefined }));
    if (how === 'by file') {
      await addRecords(db, lease, 0, rows.slice(0, 3), rules);
      await addRecords(db, lease, 3, rows.slice(3), rules);
    }

    const aside = 'skipped unchanged';
    expect(await rowsOf(db, lease.batchJobId)).toEqual([
      aside,
      'pending',
      aside,
      ...Array.from({ length: 4 }, () => 'pending'),
    ]);
    expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 5, skipped: 2 });
    expect(await asideOf(db, lease.batchJobId)).toEqual({ set_aside: 2, new_records: 2, changed_records: 3 });
  },
);

test('of each order key the first record that can run is let go once all rows are there', async ({ db }) => {
  const rules = { ...noRules, orderBy: 'account' };
  const keyed = (orderKey: string, more: Partial<NewRecord> = {}) => row(null, { orderKey, ...more });
  const lease = await startJob(db, newJob(0, { ...reading, orderBy: 'account' }));

  await addRecords(db, lease, 0, [keyed('x', { failure: failureOf('data') }), keyed('x')], rules);
  await addRecords(db, lease, 2, [keyed('y'), row(null), keyed('x'), keyed('y')], rules);
  const before = await rowsOf(db, lease.batchJobId);
  await endOrderedIntake(db, lease);
  await endOrderedIntake(db, lease);

  expect(before.filter((shown) => shown === 'pending held').length).toBe(4);
  expect(await rowsOf(db, lease.batchJobId)).toEqual([
    'failed The test said so',
    'pending',
    'pending',
    'pending',
    'pending held',
    'pending held',
  ]);
});
