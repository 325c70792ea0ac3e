import postgres from 'postgres';
import { expect } from 'vitest';
import type { ClaimedRecord, Settlement } from '../../src/domain/record.ts';
import { claimRecords } from '../../src/store/claims.ts';
import { finishJob } from '../../src/store/control.ts';
import type { Database } from '../../src/store/database.ts';
import { acquireLease, type Lease } from '../../src/store/leases.ts';
import { type SettlementWishes, saveSettlements } from '../../src/store/settlements.ts';
import { test } from '../support/database.ts';
import { failureOf, leaseMs, newJob, requeue, startJob } from '../support/jobs.ts';

const failure = failureOf('data');
/** By wave. */
const failed: readonly [Settlement, Settlement] = [
  { status: 'failed', failure },
  { status: 'retried_failed', failure },
];
const results = [{ ok: true }, 0, '', null, 'two\nlines, "quoted" \\ \u0000 \ud800', [1, { deep: null }]];
const done = (record: ClaimedRecord): Settlement => ({
  status: record.wave === 0 ? 'succeeded' : 'retried_success',
  result: results[record.index % results.length]!,
});
const again: Settlement = {
  status: 'pending',
  failure: failureOf('transient', { maybeApplied: true }),
  retryInMs: -1,
  progress: { results: { first: 1 } },
};
/** What is wished of failures makes no difference to successes. */
const wishes: SettlementWishes = {
  flowName: 'test-flow',
  ordered: false,
  remembers: false,
  forgets: false,
  onFailure: 'dead-letter',
  callback: null,
};

const settle = (db: Database, lease: Lease, group: readonly (readonly [ClaimedRecord, Settlement])[]) =>
  saveSettlements(
    db,
    lease,
    group.map(([record, settlement]) => ({ record, settlement })),
    wishes,
  );

/** Everything in the rows and counters of a job that two jobs can have in common. */
async function stateOf(db: Database, { batchJobId }: Lease) {
  const records = await db.run(
    (sql) => sql`
      select to_jsonb(records) - 'job_id' - 'settled_at' - 'lease' || jsonb_build_object(
        'settled', settled_at is not null, 'leased', lease is not null,
        'without_result', result is null) as record
      from records where job_id = ${batchJobId} order by idx`,
  );
  const [job] = await db.run(
    (sql) => sql<{ counters: Record<string, unknown> }[]>`
      select to_jsonb(batch_jobs) - 'claimed_under' as counters from batch_jobs where id = ${batchJobId}`,
  );
  const { counters = {} } = job ?? {};
  const numbers = Object.entries(counters).filter(([, value]) => typeof value === 'number');
  return { records: records.map(({ record }) => record), counters: Object.fromEntries(numbers) };
}

/** Two waves over six records, some of which are tried twice. `apart`: successes are written by themselves. */
async function runJob(db: Database, apart: boolean) {
  let lease = await startJob(db, newJob(6));
  let claims = 0;
  const claim = async () => {
    const claimed = await claimRecords(db, { lease, claims: claims++, limit: 10, fresh: true });
    return claimed?.records ?? [];
  };
  const end = async ([first, ...others]: readonly ClaimedRecord[], wave: number) => {
    const failures = [[first!, failed[wave]!]] as const;
    const successes = others.map((record) => [record, done(record)] as const);
    if (apart) for (const group of [successes, failures]) await settle(db, lease, group);
    else await settle(db, lease, [...failures, ...successes]);
  };

  const [a, b, c, ...rest] = await claim();
  await settle(db, lease, [
    [a!, again],
    [b!, again],
    [c!, failed[0]],
  ]);
  await end(rest, 0);
  const back = await claim();
  await db.run((sql) => sql`update records set alone = true where job_id = ${lease.batchJobId} and idx = 1`);
  await end(back, 0);
  await finishJob(db, lease.batchJobId);
  const inWave = await stateOf(db, lease);
  await requeue(db, lease.batchJobId, 0, { statuses: ['failed'] });
  lease = (await acquireLease(db, lease.batchJobId, 'test', leaseMs)) ?? lease;
  claims = 0;
  await end(await claim(), 1);
  return [inWave, await stateOf(db, lease)];
}

test('successes by themselves are written as they are among other outcomes', async ({ db }) => {
  const [apart, together] = [await runJob(db, true), await runJob(db, false)];

  expect(apart).toEqual(together);
  expect(apart[1]?.counters).toMatchObject({
    succeeded: 3,
    retried_success: 2,
    retried_failed: 1,
    processing: 0,
  });
});

test('successes of which one has been written before are counted without it', async ({ db }) => {
  const lease = await startJob(db, newJob(4));
  const { records = [] } = (await claimRecords(db, { lease, claims: 0, limit: 4, fresh: true })) ?? {};
  const settled = records.map((record) => [record, done(record)] as const);

  await settle(db, lease, settled.slice(0, 2));
  await settle(db, lease, settled.slice(1, 3));

  expect((await stateOf(db, lease)).counters).toMatchObject({ succeeded: 3, processing: 1 });
  expect((await stateOf(db, lease)).records).toMatchObject(
    [1, 1, 1, 0].map((attempts) => ({ attempts, settled: attempts === 1 })),
  );
});

test('of records that change while their group waits for the job, those are settled that are still claimed', async ({
  db,
  address,
}) => {
  const lease = await startJob(db, newJob(4));
  const request = { lease, limit: 2, fresh: true };
  const { records: first = [] } = (await claimRecords(db, { ...request, claims: 0 })) ?? {};
  await settle(
    db,
    lease,
    first.map((record) => [record, { status: 'pending', uncounted: true }]),
  );
  const { records = [] } = (await claimRecords(db, { ...request, claims: 1, limit: 4 })) ?? {};
  const other = postgres({ ...address, max: 1, onnotice: () => {} });
  let settling: ReturnType<typeof settle> | undefined;

  await other.begin(async (sql) => {
    await sql`select from batch_jobs where id = ${lease.batchJobId} for update`;
    settling = settle(
      db,
      lease,
      records.map((record) => [record, done(record)]),
    );
    await expect
      .poll(async () => (await db.run((read) => read`select from pg_locks where not granted`)).length)
      .toBeGreaterThan(0);
    await sql`update records set progress = '{"results":{}}' where job_id = ${lease.batchJobId} and idx in (1, 2)`;
    await sql`update records set status = 'pending', not_before = now() where job_id = ${lease.batchJobId} and idx = 0`;
  });
  await settling;
  await other.end();

  expect(records.map(({ isFresh }) => isFresh)).toEqual([false, false, true, true]);
  expect((await stateOf(db, lease)).counters).toMatchObject({ succeeded: 3, processing: 1 });
  expect((await stateOf(db, lease)).records).toMatchObject(
    [0, 1, 1, 1].map((attempts) => ({ attempts, settled: attempts === 1 })),
  );
});

test.for(['successes', 'others'])(
  '%s are not touched before the job is locked',
  async (kind, { db, address }) => {
    const lease = await startJob(db, newJob(3));
    const { records = [] } = (await claimRecords(db, { lease, claims: 0, limit: 3, fresh: true })) ?? {};
    const last = kind === 'successes' ? done : () => failed[0];
    const other = postgres({ ...address, max: 1, onnotice: () => {} });
    let settling: ReturnType<typeof settle> | undefined;

    const untouched = await other.begin(async (sql) => {
      await sql`select from batch_jobs where id = ${lease.batchJobId} for update`;
      settling = settle(
        db,
        lease,
        records.map((record) => [record, (record === records.at(-1) ? last : done)(record)]),
      );
      await expect
        .poll(async () => (await db.run((read) => read`select from pg_locks where not granted`)).length)
        .toBeGreaterThan(0);
      return sql`select from records where job_id = ${lease.batchJobId} for update skip locked`;
    });
    await settling;
    await other.end();

    expect(untouched).toHaveLength(3);
  },
);
