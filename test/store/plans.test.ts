import { expect } from 'vitest';
import type { Settlement } from '../../src/domain/record.ts';
import { claimRecords, nextDueInMs } from '../../src/store/claims.ts';
import { Database } from '../../src/store/database.ts';
import { listFinalRecords } from '../../src/store/ending.ts';
import type { Lease } from '../../src/store/leases.ts';
import { saveProgress } from '../../src/store/progress.ts';
import { saveSettlements } from '../../src/store/settlements.ts';
import { test } from '../support/database.ts';
import { failureOf, newJob, startJob } from '../support/jobs.ts';
import { rowsRead } from '../support/rows-read.ts';

const rows = 20_000;
const window = 500;
const few = 10;
const done: Settlement = { status: 'succeeded', result: 1 };
const failed: Settlement = { status: 'failed', failure: failureOf('data') };

/** Rows of `records` that scans have read so far, on a server that counts at once. */
async function readBy(db: Database, work: () => Promise<unknown>): Promise<number> {
  const before = await rowsRead(db);
  await work();
  return (await rowsRead(db)) - before;
}

test.for([
  'without statistics',
  'after ANALYZE',
  'with the statistics of a table where nothing is pending',
  'with the plans of a table that had few rows',
])('no hot statement reads more than its window %s', async (when, { address }) => {
  // One connection, so that the numbers are those of this test.
  const db = new Database({
    address: async () => address,
    name: 'plans',
    connections: 1,
    patienceMs: 1000,
  });
  await db.run((sql) => sql`truncate records`);
  if (when.startsWith('with the plans')) await settleSmallJobs(db);
  const other = await startJob(db, newJob(rows));
  if (when.startsWith('with the statistics')) {
    await db.run((sql) => sql`update records set status = 'succeeded' where job_id = ${other.batchJobId}`);
    await db.run((sql) => sql`vacuum analyze records`);
  }
  const lease = await startJob(db, newJob(rows));
  if (when === 'after ANALYZE') await db.run((sql) => sql`analyze records`);
  const reads: Record<string, number> = {};

  for (const round of [0, 1, 2]) await claimAndSettle(db, lease, round, reads);
  reads.final = await readBy(db, () => listFinalRecords(db, lease.batchJobId, 99, 99 + window));
  reads.next_due = await readBy(db, () => nextDueInMs(db, lease.batchJobId));

  expect(Math.max(...Object.values(reads)), JSON.stringify(reads)).toBeLessThanOrEqual(2 * window);
  await db.close();
});

test('a kept plan does not compare each outcome with each record, however many it was made for', async ({
  db,
}) => {
  const lease = await startJob(db, newJob(3 * few));
  const { records = [] } = (await claimRecords(db, { lease, claims: 0, limit: 3 * few, fresh: true })) ?? {};
  const group = (at: number) => records.slice(at * few, (at + 1) * few);
  const settle = (settlement: Settlement, at: number) => (noting: Database) =>
    saveSettlements(
      noting,
      lease,
      group(at).map((record) => ({ record, settlement })),
    );
  const progress = (noting: Database) =>
    saveProgress(
      noting,
      lease,
      group(2).map((record) => ({ record, save: 1, json: '{}' })),
    );

  for (const send of [settle(done, 0), settle(failed, 1), progress]) {
    const text = await textSent(db, send);
    for (const pageCost of [4, 20]) {
      const plan = await explain(db, text, pageCost);
      expect(plan).toMatch(/(Hash|Merge) Cond: \(.*idx = .*idx\)/);
    }
  }
});

/** The plan that is kept for a statement. Where pages cost much, as those of large tables do, other costs hardly count. */
async function explain(db: Database, text: string, pageCost: number): Promise<string> {
  const results = await db.run((sql) =>
    sql.unsafe(`begin; set local random_page_cost = ${pageCost}; explain (generic_plan) ${text}; commit`),
  );
  return JSON.stringify(results);
}

/** The last statement that `send` sends, with numbers for its parameters. */
async function textSent(db: Database, send: (noting: Database) => Promise<unknown>): Promise<string> {
  let text = '';
  const noting: Pick<Database, 'run'> = {
    run: (statement, deadlineMs) =>
      db.run(async (sql) => {
        const answer = await statement(sql);
        text = (answer as { statement?: { string: string } }).statement?.string ?? '';
        return answer;
      }, deadlineMs),
  };
  await send(noting as Database);
  return text;
}

/** Postgres keeps a plan for a connection once a statement has run a few times on it. */
async function settleSmallJobs(db: Database): Promise<void> {
  for (let jobs = 0; jobs < 8; jobs++) {
    const lease = await startJob(db, newJob(few));
    await claimAndSettle(db, lease, 0, {}, few);
    await nextDueInMs(db, lease.batchJobId);
    await listFinalRecords(db, lease.batchJobId, 0, few);
  }
}

async function claimAndSettle(
  db: Database,
  lease: Lease,
  round: number,
  reads: Record<string, number>,
  limit = window,
) {
  const request = { lease, claims: round, limit, fresh: true };
  let claimed: Awaited<ReturnType<typeof claimRecords>>;
  reads[`claim ${round}`] = await readBy(db, async () => {
    claimed = await claimRecords(db, request);
  });
  const records = claimed?.records ?? [];
  expect(records.length).toBe(limit);
  const saves = records.map((record) => ({ record, save: 1, json: '{"results":{}}' }));
  reads[`progress ${round}`] = await readBy(db, () => saveProgress(db, lease, saves));
  const [failing, ...succeeding] = records.map((record) => ({ record, settlement: done }));
  const half = succeeding.length >> 1;
  const successes = succeeding.slice(0, half);
  const mixed = [{ ...failing!, settlement: failed }, ...succeeding.slice(half)];
  reads[`settle successes ${round}`] = await readBy(db, () => saveSettlements(db, lease, successes));
  reads[`settle others ${round}`] = await readBy(db, () => saveSettlements(db, lease, mixed));
}
