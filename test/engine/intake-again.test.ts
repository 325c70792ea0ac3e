import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { newRecord } from '../../src/engine/new-record.ts';
import { openFileSource } from '../../src/sources/open-file.ts';
import { stopJob } from '../../src/store/control.ts';
import { addRecords, endIntake } from '../../src/store/intake.ts';
import { test } from '../support/database.ts';
import { finished, jobWhen, testEngine, testFlow } from '../support/engine.ts';
import { letLapse, newJob, requeue, startJob } from '../support/jobs.ts';

const rows = Array.from({ length: 60 }, (_, n) => ({
  id: `id ${n % 50}`,
  key: `key ${n % 4}`,
  v: n === 3 ? 'old' : 'new',
}));

async function fileSource() {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-intake-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'rows.ndjson');
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return openFileSource({ path }, { folders: [folder], home: folder });
}

test.for(['its process died', 'it was cancelled'])(
  'an intake that stopped because %s goes on, and knows the ids, the keys and what has changed',
  async (why, { db }) => {
    const seen: number[] = [];
    const digest = (payload: unknown) => (payload as { v: string }).v;
    const flow = testFlow(
      ({ index }) => {
        seen.push(index);
        return null;
      },
      { digest, name: why },
    );
    const options = { idField: 'id', duplicates: 'skip', skipUnchanged: true, orderBy: 'key' } as const;
    const source = await fileSource();
    const asked = newJob(0, { ...options, records: undefined, source, concurrency: 8 });
    const job = { ...asked, flow: { ...asked.flow, name: why } };
    await db.run(
      (sql) => sql`
        insert into last_successes (flow_name, record_id, digest, job_id)
        values (${why}, 'id 3', 'old', ${job.id}), (${why}, 'id 49', 'old', ${job.id})`,
    );
    const lease = await startJob(db, job);
    const rules = { ...options, flow, flowName: why, params: {}, textual: false, maxRecordBytes: 1000 };
    const engine = testEngine(db, flow);

    await addRecords(
      db,
      lease,
      0,
      rows.slice(0, 20).map((row) => newRecord(row, rules)),
      rules,
    );
    if (why === 'it was cancelled') {
      await stopJob(db, job.id, 'cancelled', 'cancelled');
      await endIntake(db, lease, 'stopped');
    }
    await letLapse(db, job.id);
    engine.wake();
    if (why === 'it was cancelled') {
      const cancelled = await jobWhen(db, job.id, finished);
      expect(cancelled.counts.skipped).toBe(20);
      expect(seen).toEqual([]);
      await requeue(db, job.id, 0, { statuses: ['skipped'] }, 8, { readOn: true, ordered: true });
      engine.wake();
    }
    const whole = await jobWhen(db, job.id, (now) => finished(now) && now.total === rows.length);

    expect(whole).toMatchObject({ status: 'completed', setAside: 11, newRecords: 48, changedRecords: 1 });
    expect(whole.counts).toMatchObject({ succeeded: 49, skipped: 11 });
    for (const key of [0, 1, 2, 3]) {
      const ofKey = seen.filter((index) => index % 4 === key);
      expect(ofKey).toEqual([...ofKey].sort((a, b) => a - b));
    }
    await engine.stop(0);
  },
);

test('every run knows how many rows were read, also the ones right after the reading', async ({ db }) => {
  const seen = new Set<number>();
  const flow = testFlow(({ total }) => {
    seen.add(total);
    return null;
  });
  const job = newJob(0, { records: undefined, source: await fileSource(), concurrency: 50 });
  const engine = testEngine(db, flow);

  await startJob(db, job);
  await letLapse(db, job.id);
  engine.wake();
  await jobWhen(db, job.id, finished);

  expect([...seen]).toEqual([rows.length]);
  await engine.stop(0);
});

test('the planner gets to know of the rows of a file, but not while the first calls go out', async ({
  db,
}) => {
  const known = async () => {
    const [table] = await db.run(
      (sql) => sql<{ rows: number }[]>`
        select reltuples::int as rows from pg_class where oid = 'records'::regclass`,
    );
    return table?.rows;
  };
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const engine = testEngine(
    db,
    testFlow(async () => released.then(() => null)),
  );
  const job = newJob(0, { records: undefined, source: await fileSource(), concurrency: 50 });
  await db.run((sql) => sql`truncate records`);
  await db.run((sql) => sql`analyze records`);

  await startJob(db, job);
  await letLapse(db, job.id);
  engine.wake();
  await jobWhen(db, job.id, (now) => now.counts.processing > 0);
  expect(await known()).toBe(0);

  release();
  await jobWhen(db, job.id, finished);
  await vi.waitFor(async () => expect(await known()).toBe(rows.length), 2000);
  await engine.stop(0);
});
