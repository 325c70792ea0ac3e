import postgres from 'postgres';
import { expect } from 'vitest';
import type { Database, DatabaseAddress } from '../../src/store/database.ts';
import { addRecords, intakePosition, type NewRecord } from '../../src/store/intake.ts';
import { type IntakeRules, noRules } from '../../src/store/sorted-rows.ts';
import { test } from '../support/database.ts';
import { countersOf, failureOf, newJob, startJob } from '../support/jobs.ts';

const reading = { records: undefined, idField: 'sku' } as const;
const row = (id: string): NewRecord => ({ id, json: '{}' });
const bad: NewRecord = { ...row('bad'), failure: failureOf('data') };

/** What a job may want of its rows, by the statement that adds them. */
const kinds: readonly (readonly [string, readonly NewRecord[], IntakeRules])[] = [
  ['plain', [row('a'), row('b')], noRules],
  ['some bad', [row('a'), bad], noRules],
  ['compared', [row('a'), row('b')], { ...noRules, idField: 'sku', duplicates: 'skip' }],
];

type Begun = postgres.TransactionSql;

/** Adds rows while another transaction does `before`, then `meanwhile` as soon as the rows wait for it, and ends. */
async function addBeside(
  { db, address }: { db: Database; address: DatabaseAddress },
  add: () => ReturnType<typeof addRecords>,
  before: (sql: Begun) => Promise<unknown>,
  meanwhile: (sql: Begun) => Promise<unknown> = async () => {},
) {
  const other = postgres({ ...address, max: 1, onnotice: () => {} });
  let added: ReturnType<typeof addRecords> | undefined;
  try {
    await other.begin(async (sql) => {
      await before(sql);
      added = add();
      await expect
        .poll(async () => (await db.run((read) => read`select from pg_locks where not granted`)).length)
        .toBe(1);
      await meanwhile(sql);
    });
    return await added;
  } finally {
    await other.end();
  }
}

const recordsOf = (db: Database, id: string) =>
  db.run(
    (sql) => sql`select idx from records where job_id = ${id} union all
    select idx from record_ids where job_id = ${id} union all
    select idx from failed_attempts where job_id = ${id}`,
  );

test.for(kinds)(
  'rows go in while others settle, and both are counted: %s',
  async ([, rows, rules], { db, address }) => {
    const lease = await startJob(db, newJob(0, reading));
    await addRecords(db, lease, 0, [row('first')], rules);

    const added = await addBeside(
      { db, address },
      () => addRecords(db, lease, 1, rows, rules),
      (sql) => sql`
      update batch_jobs set pending = pending - 1, succeeded = succeeded + 1 where id = ${lease.batchJobId}`,
    );

    const failed = rows.filter(({ failure }) => failure !== undefined).length;
    expect(added).toEqual({ status: 'pending', failed });
    expect(await countersOf(db, lease.batchJobId)).toEqual({
      pending: rows.length - failed,
      succeeded: 1,
      ...(failed > 0 && { failed }),
    });
    expect(await intakePosition(db, lease.batchJobId)).toBe(1 + rows.length);
  },
);

test.for(kinds)('the job is free while its rows go in: %s', async ([, rows, rules], { db, address }) => {
  const lease = await startJob(db, newJob(0, reading));
  const inTheWay = new Error('taken back');
  let free: readonly unknown[] = [];
  let added: ReturnType<typeof addRecords> | undefined;

  const beside = addBeside(
    { db, address },
    () => (added = addRecords(db, lease, 0, rows, rules)),
    (sql) => sql`insert into records (job_id, idx, payload) values (${lease.batchJobId}, 0, '{}')`,
    async () => {
      free = await db.run(
        (sql) => sql`select from batch_jobs where id = ${lease.batchJobId} for update nowait`,
      );
      throw inTheWay;
    },
  );

  await expect(beside).rejects.toBe(inTheWay);
  expect(free).toHaveLength(1);
  expect(await added).toMatchObject({ status: 'pending' });
  expect(await intakePosition(db, lease.batchJobId)).toBe(rows.length);
});

test.for(kinds)(
  'an intake that ends while rows go in leaves none of them: %s',
  async ([, rows, rules], { db, address }) => {
    const lease = await startJob(db, newJob(0, reading));

    const added = await addBeside(
      { db, address },
      () => addRecords(db, lease, 0, rows, rules),
      (sql) => sql`update batch_jobs set intake = 'stopped' where id = ${lease.batchJobId}`,
    );

    expect(added).toBeUndefined();
    expect(await recordsOf(db, lease.batchJobId)).toHaveLength(0);
    expect(await countersOf(db, lease.batchJobId)).toEqual({});
  },
);

test.for(kinds)(
  'rows that somebody else adds at the same time are there once: %s',
  async ([, rows, rules], { db, address }) => {
    const lease = await startJob(db, newJob(0, reading));

    const added = await addBeside(
      { db, address },
      () => addRecords(db, lease, 0, rows, rules),
      async (sql) => {
        await sql`
        insert into records (job_id, idx, payload)
        select ${lease.batchJobId}, n, '{"by":"other"}' from generate_series(0, ${rows.length - 1}::int) as n`;
        await sql`
        update batch_jobs set total = ${rows.length}, pending = ${rows.length}, intake_position = ${rows.length}
        where id = ${lease.batchJobId}`;
      },
    );

    expect(added).toBeUndefined();
    expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: rows.length });
    expect(await recordsOf(db, lease.batchJobId)).toHaveLength(rows.length);
  },
);
