import postgres from 'postgres';
import { expect } from 'vitest';
import type { ClaimedRecord, Settlement } from '../../src/domain/record.ts';
import { type ClaimRequest, claimAlone, claimRecords } from '../../src/store/claims.ts';
import { finishJob, skipPending, stopJob } from '../../src/store/control.ts';
import { Database } from '../../src/store/database.ts';
import { findJob } from '../../src/store/jobs.ts';
import { acquireLease, type Lease, releaseLease } from '../../src/store/leases.ts';
import { listMaybeApplied } from '../../src/store/maybe-applied.ts';
import { listRecords } from '../../src/store/record-page.ts';
import { findRecordStory } from '../../src/store/record-story.ts';
import { rescueRecords, returnLostClaim } from '../../src/store/rescue.ts';
import { saveSettlements } from '../../src/store/settlements.ts';
import { steerJob } from '../../src/store/steering.ts';
import { test } from '../support/database.ts';
import {
  countersOf,
  countRows,
  failureOf,
  leaseMs,
  letLapse,
  newJob,
  requeue,
  startJob,
} from '../support/jobs.ts';

const done: Settlement = { status: 'succeeded', result: { ok: true } };
const untried: Settlement = { status: 'pending', uncounted: true };
const indexes = (records: readonly ClaimedRecord[] | undefined) => records?.map(({ index }) => index);

/** Claims of one lease, one after the other. */
function claimer(db: Database, lease: Lease) {
  let claims = 0;
  return async (limit: number, more: Partial<ClaimRequest> = {}) => {
    const claimed = await claimRecords(db, { lease, claims: claims++, limit, fresh: true, ...more });
    if (claimed === undefined) throw new Error('the claim was refused');
    return claimed;
  };
}

const settle = (db: Database, lease: Lease, records: readonly ClaimedRecord[], settlement: Settlement) =>
  saveSettlements(
    db,
    lease,
    records.map((record) => ({ record, settlement })),
  );

/** A job in which only every `step`th record can run. */
const sparseJob = (count: number, step: number) =>
  newJob(0, {
    records: Array.from({ length: count }, (_, n) => ({
      id: `id-${n}`,
      json: '{}',
      ...(n % step === 0 ? {} : { failure: failureOf('data', { step: 'source' }) }),
    })),
  });

test('a record that is claimed reads as processing wherever records are shown', async ({ db }) => {
  const lease = await startJob(db, newJob(4));
  const claim = claimer(db, lease);
  const { records } = await claim(2);
  await settle(db, lease, records.slice(0, 1), done);

  const page = (statuses?: readonly ClaimedStatus[]) =>
    listRecords(db, lease.batchJobId, { after: -1, limit: 10, statuses });
  const all = (await page()).map(({ status }) => status);
  const open = (await page(['processing'])).map(({ index }) => index);
  const waiting = (await page(['pending'])).map(({ index }) => index);
  const story = await findRecordStory(db, lease.batchJobId, 1);

  expect(all).toEqual(['succeeded', 'processing', 'pending', 'pending']);
  expect([open, waiting]).toEqual([[1], [2, 3]]);
  expect(story?.status).toBe('processing');
});

type ClaimedStatus = 'processing' | 'pending';

test('what was handed back untried comes before fresh records, all of it', async ({ db }) => {
  const lease = await startJob(db, newJob(10));
  const claim = claimer(db, lease);
  const { records } = await claim(6);
  await settle(db, lease, [records[4]!, records[1]!, records[3]!], untried);
  await settle(db, lease, [records[0]!], {
    status: 'pending',
    failure: failureOf('transient'),
    retryInMs: -1,
  });

  const claimed = [await claim(4), await claim(4), await claim(4)];

  expect(claimed.map((each) => indexes(each.records))).toEqual([[0, 1, 3, 4], [6, 7, 8, 9], []]);
  expect(claimed.map(({ noneFresh }) => noneFresh)).toEqual([false, true, true]);
});

test('rows that come while a claim waits for the job are left to the next one', async ({ db, address }) => {
  const lease = await startJob(db, newJob(2));
  const other = postgres({ ...address, max: 1, onnotice: () => {} });
  const claim = claimer(db, lease);
  let waiting: ReturnType<typeof claim> | undefined;

  await other.begin(async (sql) => {
    await sql`update batch_jobs set total = total + 2, pending = pending + 2 where id = ${lease.batchJobId}`;
    await sql`
      insert into records (job_id, idx, payload)
      select ${lease.batchJobId}::uuid, n, '{}' from generate_series(2, 3) as n`;
    waiting = claim(10);
    await expect
      .poll(async () => (await db.run((read) => read`select from pg_locks where not granted`)).length)
      .toBeGreaterThan(0);
  });
  const claimed = [await waiting, await claim(10)];
  await other.end();

  expect(claimed.map((each) => indexes(each?.records))).toEqual([
    [0, 1],
    [2, 3],
  ]);
  expect(await countersOf(db, lease.batchJobId)).toEqual({ processing: 4 });
});

test('where few rows are fresh a claim goes as far as it may look, and no further', async ({ db }) => {
  const lease = await startJob(db, sparseJob(100, 10));
  const claim = claimer(db, lease);

  const claimed = [await claim(5), await claim(5, { reach: 20 }), await claim(5, { reach: 100 })];

  expect(claimed.map((each) => indexes(each.records))).toEqual([[0], [10, 20], [30, 40, 50, 60, 70]]);
  expect(claimed.map((each) => each.claimedTo)).toEqual([4, 24, 70]);
  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 2, processing: 8, failed: 90 });
  expect(await countRows(db, lease.batchJobId)).toEqual({ pending: 2, processing: 8, failed: 90 });
});

test('what has not started is skipped a few rows at a time, and what is under way is not', async ({ db }) => {
  const lease = await startJob(db, sparseJob(60, 5));
  const claim = claimer(db, lease);
  const { records } = await claim(10);
  await settle(db, lease, records.slice(0, 1), untried);
  await stopJob(db, lease.batchJobId, 'cancelled', 'cancelled');

  const skipped: (number | undefined)[] = [];
  do skipped.push(await skipPending(db, lease.batchJobId, 20));
  while (skipped.at(-1) !== undefined);

  // Of the rows 0 and 5, which had been claimed, the first was handed back.
  expect(skipped).toEqual([5, 4, 2, undefined]);
  expect(await countRows(db, lease.batchJobId)).toEqual({ processing: 1, skipped: 11, failed: 48 });
  await settle(db, lease, records.slice(1), done);
  expect(await countersOf(db, lease.batchJobId)).toEqual({ succeeded: 1, skipped: 11, failed: 48 });
});

test('of fresh records and those that came back, the first that were started count a crash', async ({
  db,
}) => {
  const job = newJob(8);
  const lease = await startJob(db, job);
  const claim = claimer(db, lease);
  const { records } = await claim(3);
  await settle(db, lease, [records[1]!], untried);
  // In the order of their start: 0 and 2, then 1 with 3, then 4 to 7.
  await claim(2);
  await claim(4);
  await letLapse(db, job.id);
  const taken = await acquireLease(db, job.id, 'another', 60_000);

  await rescueRecords(db, taken!, 2, true);

  const crashed = await db.run(
    (sql) =>
      sql<{ idx: number }[]>`select idx from records where job_id = ${job.id} and crashes = 1 order by idx`,
  );
  expect(crashed.map(({ idx }) => idx)).toEqual([0, 2]);
});

test('a suspect whose run alone came to nothing runs alone again', async ({ db }) => {
  const lease = await startJob(db, newJob(2));
  await db.run(
    (sql) => sql`update records set not_before = 'infinity' where job_id = ${lease.batchJobId} and idx = 0`,
  );
  const alone = async (claims: number) => (await claimAlone(db, lease, claims))?.records ?? [];

  await settle(db, lease, await alone(0), untried);
  const handedBack = await alone(1);
  const next = await returnLostClaim(db, lease, 1, -1);
  const ofOthers = await claimRecords(db, { lease, claims: next ?? -1, limit: 10, fresh: true });
  const lost = await alone(3);

  expect(indexes(handedBack)).toEqual([0]);
  expect(indexes(ofOthers?.records)).toEqual([1]);
  expect(indexes(lost)).toEqual([0]);
});

test('who does not hold the lane settles no fresh record, and makes none fresh again', async ({ db }) => {
  const lease = await startJob(db, newJob(4));
  const { records } = await claimer(db, lease)(2);
  const stranger = { ...lease, token: lease.token + 1000 };

  await settle(db, stranger, records, done);
  await returnLostClaim(db, stranger, 0, -1);

  expect(await countRows(db, lease.batchJobId)).toEqual({ pending: 2, processing: 2 });
  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 2, processing: 2 });
});

test('what was claimed fresh is claimed anew in another wave, and earlier writes do not settle it', async ({
  db,
}) => {
  const lease = await startJob(db, newJob(2));
  const { records } = await claimer(db, lease)(2);
  await settle(db, lease, records, untried);
  await stopJob(db, lease.batchJobId, 'cancelled', 'cancelled');
  while ((await skipPending(db, lease.batchJobId)) !== undefined);
  expect(await finishJob(db, lease.batchJobId)).toBe('cancelled');
  await requeue(db, lease.batchJobId, 0, { statuses: ['skipped'] });
  await releaseLease(db, lease);
  const second = await acquireLease(db, lease.batchJobId, 'another', 60_000);

  const again = await claimer(db, second!)(2);
  await settle(db, lease, records, done);

  expect(indexes(again.records)).toEqual([0, 1]);
  expect(await countRows(db, lease.batchJobId)).toEqual({ processing: 2 });
});

test('a fresh record that succeeds costs no entry in any index', async ({ address }) => {
  const db = new Database({
    address: async () => address,
    name: 'hot updates',
    connections: 1,
    patienceMs: 1000,
  });
  const count = 1000;
  const lease = await startJob(db, newJob(count));
  const { records } = await claimer(db, lease)(count);
  const before = await updates(db);

  await settle(db, lease, records, done);

  const after = await updates(db);
  expect(after.all - before.all).toBe(count);
  // Here and there a page is full.
  expect((after.hot - before.hot) / count).toBeGreaterThan(0.9);
  await db.close();
});

async function updates(db: Database): Promise<{ readonly all: number; readonly hot: number }> {
  await db.run((sql) => sql`select pg_stat_force_next_flush()`);
  const [row] = await db.run(
    (sql) => sql<{ all: number; hot: number }[]>`
      select n_tup_upd::int as all, n_tup_hot_upd::int as hot from pg_stat_user_tables where relname = 'records'`,
  );
  return row ?? { all: 0, hot: 0 };
}

test('a rescue whose copy comes late, after a claim of the same lease, leaves that alone', async ({ db }) => {
  const dead = await startJob(db, newJob(10));
  await claimer(db, dead)(2);
  await letLapse(db, dead.batchJobId);
  const lease = (await acquireLease(db, dead.batchJobId, 'other', leaseMs))!;
  await rescueRecords(db, lease, 5, true);
  const { records } = await claimer(db, lease)(6);

  const again = await rescueRecords(db, lease, 5, true);
  await settle(db, lease, records, done);

  expect(again).toBe(0);
  expect(await countersOf(db, lease.batchJobId)).toEqual({ succeeded: 6, pending: 4 });
});

test('a rescue by a process that has lost the lane meanwhile leaves what the next one claimed alone', async ({
  db,
}) => {
  const slow = await startJob(db, newJob(4));
  await letLapse(db, slow.batchJobId);
  const lease = (await acquireLease(db, slow.batchJobId, 'other', leaseMs))!;
  const { records } = await claimer(db, lease)(3);

  const taken = await rescueRecords(db, slow, 10, true);
  await settle(db, lease, records, done);

  expect(taken).toBe(0);
  expect(await countersOf(db, lease.batchJobId)).toEqual({ succeeded: 3, pending: 1 });
});

test('of records that a dead process ran and that are skipped then, it is known that they may have arrived', async ({
  db,
}) => {
  const dead = await startJob(db, newJob(10));
  await claimer(db, dead)(6);
  await letLapse(db, dead.batchJobId);
  const lease = (await acquireLease(db, dead.batchJobId, 'other', leaseMs))!;
  await rescueRecords(db, lease, 4, true);

  await stopJob(db, lease.batchJobId, 'cancelled', 'cancelled');
  await skipPending(db, lease.batchJobId);

  const { count, records } = await listMaybeApplied(db, lease.batchJobId, 10);
  expect(count).toBe(4);
  expect(records.map(({ index, status }) => [index, status])).toEqual(
    [0, 1, 2, 3].map((index) => [index, 'skipped']),
  );
});

test('a crash counts for all that may have run at the concurrency before somebody lowered it', async ({
  db,
}) => {
  const lease = await startJob(db, newJob(100, { concurrency: 20 }));
  const peak = async () => (await findJob(db, lease.batchJobId))?.peakConcurrency;
  for (const concurrency of [7, 1, 3]) await steerJob(db, lease.batchJobId, { concurrency });
  const lowered = await peak();
  await steerJob(db, lease.batchJobId, { rate: null });
  await letLapse(db, lease.batchJobId);
  const other = (await acquireLease(db, lease.batchJobId, 'other', leaseMs))!;
  const kept = await peak();
  await rescueRecords(db, other, 40, true);

  expect([lowered, kept, await peak()]).toEqual([20, 20, 0]);
});

test('each record keeps its own payload, also beside one that is null', async ({ db }) => {
  const texts = ['{"n":0}', 'null', '[1,"a,b"]', '"x"'];
  for (const more of [{}, { idField: 'id', duplicates: 'skip' as const }]) {
    const records = texts.map((json, n) => ({ id: n === 2 ? null : `id-${n}`, json }));
    const lease = await startJob(db, newJob(0, { records, ...more }));
    const claimed = await claimer(db, lease)(10);

    expect(claimed.records.map(({ id, payload }) => [id, JSON.stringify(payload)])).toEqual(
      records.map(({ id, json }) => [id, json]),
    );
  }
});
