import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { openFileSource } from '../../src/sources/open-file.ts';
import { stopJob } from '../../src/store/control.ts';
import { createJob } from '../../src/store/create-job.ts';
import type { Database } from '../../src/store/database.ts';
import { test as base } from '../support/database.ts';
import { fail, finished, jobWhen, quickRetry, runFlow, testEngine, testFlow } from '../support/engine.ts';
import { letLapse, newJob, requeue } from '../support/jobs.ts';

const test = base.extend<{ folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-source-'));
    await use(folder);
    rmSync(folder, { recursive: true, force: true });
  },
});

async function fileJob(folder: string, name: string, text: string, more: Parameters<typeof newJob>[1] = {}) {
  const path = join(folder, name);
  writeFileSync(path, text);
  const source = await openFileSource({ path }, { folders: [folder], home: folder });
  return newJob(0, { source, records: undefined, ...more });
}

const lines = (count: number) => Array.from({ length: count }, (_, n) => JSON.stringify({ n })).join('\n');

test('a process that slept past its lease stops as soon as a commit tells it, and breaks off what is under way', async ({
  db,
}) => {
  const concurrency = 10;
  const stuck = 5;
  const calls = new Map<number, number>();
  const call = (index: number) => calls.set(index, (calls.get(index) ?? 0) + 1);
  let brokenOff = 0;
  const flow = testFlow(async ({ index, signal }) => {
    call(index);
    await sleep(index < stuck ? 60_000 : 10, undefined, { signal }).catch(() => brokenOff++);
    signal.throwIfAborted();
    return null;
  });
  const quick = testFlow(({ index }) => {
    call(index);
    return null;
  });
  const { id, engine } = await runFlow(db, flow, 1000, { concurrency });
  await expect.poll(() => calls.size).toBeGreaterThan(100);
  const other = testEngine(db, quick, { holder: 'other' });

  await letLapse(db, id);
  other.wake();
  await jobWhen(db, id, finished);

  expect([...calls.values()].filter((times) => times > 1).length).toBeLessThanOrEqual(2 * concurrency);
  await expect.poll(() => brokenOff).toBeGreaterThanOrEqual(stuck);
  await engine.stop(0);
  await other.stop(0);
});

test('a lease that lapses while a file is read is taken anew, and every row arrives', async ({
  db,
  folder,
}) => {
  const job = await fileJob(folder, 'rows.ndjson', lines(60_000));
  await createJob(db, job);
  const engine = testEngine(
    db,
    testFlow(() => null, { hasEffects: false }),
  );
  void engine.adopt(job.id);
  await jobWhen(db, job.id, ({ total }) => total >= 5000);

  await letLapse(db, job.id);
  const end = await jobWhen(db, job.id, finished);

  expect(end).toMatchObject({ status: 'completed', total: 60_000, intake: 'done' });
  await engine.stop(0);
});

test('the rows before the place where a file breaks are kept, and one retry finishes them', async ({
  db,
  folder,
}) => {
  const good = Array.from({ length: 700 }, (_, n) => ({ n }));
  const job = await fileJob(folder, 'rows.json', `${JSON.stringify(good).slice(0, -1)}, {"n": oops`);
  await createJob(db, job);
  const engine = testEngine(
    db,
    testFlow(() => null),
  );
  await engine.adopt(job.id);
  const broken = await jobWhen(db, job.id, finished);

  await requeue(db, job.id, 0, { statuses: ['skipped'] }, 5, { readOn: true });
  engine.wake();
  const end = await jobWhen(db, job.id, finished);

  expect(broken).toMatchObject({ status: 'failed', stopReason: 'source_broken', total: 700 });
  expect(broken.stopMessage).toContain('line 1');
  expect(broken.counts.skipped).toBe(700);
  expect(end.counts.succeeded).toBe(700);
  expect(end.status).toBe('completed_with_errors');
  await engine.stop(0);
});

test('a file that changed since the start ends its job with that reason', async ({ db, folder }) => {
  const job = await fileJob(folder, 'rows.ndjson', lines(10));
  await createJob(db, job);
  writeFileSync(join(folder, 'rows.ndjson'), lines(11));
  const engine = testEngine(
    db,
    testFlow(() => null),
  );

  await engine.adopt(job.id);
  const end = await jobWhen(db, job.id, finished);

  expect(end).toMatchObject({ status: 'failed', stopReason: 'source_broken', total: 0 });
  await engine.stop(0);
});

test('suspects of killing their process end also when the failure limit is nearly used up', async ({
  db,
}) => {
  const policy = { continueOnError: false, onRecordFailure: 'log', maxFailures: null } as const;
  const job = newJob(2, { policy, holder: 'nobody', leaseMs: 0 });
  await createJob(db, job);
  await makeSuspects(db, job.id);
  const engine = testEngine(
    db,
    testFlow(() => null, { retry: quickRetry(2) }),
  );

  engine.wake();
  const end = await jobWhen(db, job.id, finished);

  expect(end.counts.succeeded).toBe(2);
  await engine.stop(0);
});

/** Two records that wait to run alone, of which the second has been tried. */
async function makeSuspects(db: Database, batchJobId: string): Promise<void> {
  await db.run(
    (sql) => sql`update records set not_before = 'infinity', tries = idx where job_id = ${batchJobId}`,
  );
  await db.run((sql) => sql`update batch_jobs set wave_tried = 1 where id = ${batchJobId}`);
}

test('an engine that is stopped while it takes a job starts none of its records afterwards', async ({
  db,
}) => {
  let calls = 0;
  const flow = testFlow(async () => {
    calls++;
    await sleep(5);
    return null;
  });
  const job = newJob(50);
  await createJob(db, job);
  const engine = testEngine(db, flow);

  void engine.adopt(job.id);
  await engine.stop(500);
  const callsAtStop = calls;
  await sleep(100);

  expect(calls).toBe(callsAtStop);
  expect(engine.running).toBe(0);
  expect((await jobWhen(db, job.id, () => true)).held).toBe(false);
});

test('a cancelled job is wound up although its flow cannot be read any more', async ({ db }) => {
  const job = newJob(5, { holder: 'nobody', leaseMs: 0 });
  await createJob(db, job);
  await stopJob(db, job.id, 'cancelled', 'cancelled');
  const engine = testEngine(
    db,
    testFlow(() => null),
    { compile: () => undefined },
  );

  engine.wake();
  const end = await jobWhen(db, job.id, finished);

  expect(end).toMatchObject({ status: 'cancelled', obstacle: null });
  expect(end.counts.skipped).toBe(5);
  await engine.stop(0);
});

test('a flow that cannot be read is what its job waits for', async ({ db }) => {
  const job = newJob(1);
  await createJob(db, job);
  const engine = testEngine(
    db,
    testFlow(() => null),
    { compile: () => undefined },
  );

  await engine.adopt(job.id);
  const waiting = await jobWhen(db, job.id, ({ obstacle }) => obstacle !== null);

  expect(waiting.obstacle).toContain('test-flow');
  expect(waiting.held).toBe(false);
  await engine.stop(0);
});

test('a result that cannot be stored fails its record alone', async ({ db }) => {
  let deep: unknown = 0;
  for (let level = 0; level < 20_000; level++) deep = [deep];
  const flow = testFlow(({ index }) => (index === 1 ? (deep as never) : index === 2 ? fail('data') : null));
  const job = newJob(4);
  await createJob(db, job);
  const engine = testEngine(db, flow);

  await engine.adopt(job.id);
  const end = await jobWhen(db, job.id, finished);

  expect(end.counts).toMatchObject({ succeeded: 2, failed: 2 });
  await engine.stop(0);
});

test.for(['insert', 'update'])(
  'that the disk is full for an %s of records is told as long as it is',
  async (what, { db, folder }) => {
    const flow = testFlow(() => null);
    const job = await fileJob(folder, 'rows.ndjson', lines(3));
    await db.run(
      (sql) => sql`
        create function no_room() returns trigger language plpgsql
        as $$ begin raise exception using errcode = 'disk_full'; end $$`,
    );
    await db.run(
      (sql) => sql`
        create trigger no_room before ${sql.unsafe(what)} on records for each row execute function no_room()`,
    );
    await createJob(db, job);
    const engine = testEngine(db, flow);
    await engine.adopt(job.id);

    const { obstacle } = await jobWhen(db, job.id, (seen) => seen.obstacle !== null);
    await db.run((sql) => sql`drop function no_room cascade`);
    await engine.stop(0);
    const again = testEngine(db, flow);
    await again.adopt(job.id);
    const done = await jobWhen(db, job.id, finished);

    expect(obstacle).toMatch(/^The disk that the database writes to is full\. Make room there/);
    expect(done).toMatchObject({ status: 'completed', obstacle: null, counts: { succeeded: 3 } });
    await again.stop(0);
  },
);

test('a row that the database refuses ends the job with a word, and what was read before is run', async ({
  db,
  folder,
}) => {
  const job = await fileJob(folder, 'rows.ndjson', lines(1500));
  await db.run(
    (sql) => sql`
      create function no_number() returns trigger language plpgsql
      as $$ begin if new.idx = 1200 then perform 'x'::int; end if; return new; end $$`,
  );
  await db.run(
    (sql) => sql`create trigger no_number before insert on records for each row execute function no_number()`,
  );
  await createJob(db, job);
  const engine = testEngine(
    db,
    testFlow(() => null),
  );

  await engine.adopt(job.id);
  const done = await jobWhen(db, job.id, finished);
  await db.run((sql) => sql`drop function no_number cascade`);

  expect(done).toMatchObject({ status: 'failed', stopReason: 'source_broken', total: 1000 });
  expect(done.stopMessage).toMatch(/^the database refuses one of the rows that follow/);
  await engine.stop(0);
});
