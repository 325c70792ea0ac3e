import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { Retention } from '../../src/engine/retention.ts';
import { finishJob } from '../../src/store/control.ts';
import type { Database } from '../../src/store/database.ts';
import { findJob } from '../../src/store/jobs.ts';
import { beginPurges, holdHousekeeping, purgeRecords } from '../../src/store/retention.ts';
import { test } from '../support/database.ts';
import { quietLog } from '../support/engine.ts';
import { newJob, startJob } from '../support/jobs.ts';

const day = 86_400_000;

/** A finished job with something in every table, that ended so many days ago. */
async function oldJob(db: Database, days: number, count = 3): Promise<string> {
  const { batchJobId: id } = await startJob(
    db,
    newJob(count, {
      params: { region: 'eu' },
      policy: { continueOnError: true, onRecordFailure: 'log', maxFailures: null, callback: 'hook' },
    }),
  );
  await db.run(
    (sql) => sql`
      with job as (
        update batch_jobs set pending = 0, failed = 1, succeeded = total - 1, ending_result = '"a secret"',
          ending_failure = '{"class":"bug","code":"x","message":"ours","untrustedMessage":"a secret"}'
        where id = ${id}
      ), attempts as (
        insert into failed_attempts (job_id, idx, attempt, wave, failure, group_id) values (${id}, 0, 1, 0, '{}', 'g')
      ), versions as (
        insert into payload_versions (job_id, idx, revision, payload) values (${id}, 0, 0, '"a secret"')
      ), ids as (
        insert into record_ids (job_id, record_id, idx) values (${id}, 'id-0', 0)
      ), state as (
        insert into job_state (job_id, idx, key, value, token, write)
        values (${id}, -1, 'all', '1', 1, 1), (${id}, 2, 'one', '1', 1, 1)
      )
      update records set
        status = case when idx = 0 then 'failed' else 'succeeded' end::record_status, group_id = 'g',
        result = '"a secret"', progress = '{"results":{}}', order_key = 'a secret', dead_letter = idx = 0,
        failure = case when idx = 0 then
          '{"class":"data","code":"http_422","message":"ours","untrustedMessage":"a secret"}'::jsonb end
      where job_id = ${id}`,
  );
  expect(await finishJob(db, id)).toBe('completed_with_errors');
  await db.run(
    (sql) => sql`
      with told as (update deliveries set delivered_at = now(), due_at = null where job_id = ${id})
      update batch_jobs set finished_at = now() - ${days} * interval '1 day' where id = ${id}`,
  );
  return id;
}

const tables = ['failed_attempts', 'payload_versions', 'record_ids', 'job_state', 'deliveries'] as const;

/** What is left of a job, besides its row and its records. */
async function leftOf(db: Database, id: string): Promise<string[]> {
  const left: string[] = [];
  for (const table of tables) {
    const rows = await db.run((sql) => sql`select from ${sql(table)} where job_id = ${id}`);
    if (rows.length > 0) left.push(table);
  }
  return left;
}

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-exports-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** Takes one turn at tidying up. */
async function tidy(db: Database, keepDays: number | undefined, exportsFolder = '/nowhere'): Promise<void> {
  const keepMs = keepDays === undefined ? undefined : keepDays * day;
  await new Retention({ db, holder: 'tidy', log: quietLog, rules: { keepMs, exportsFolder } }).tidyUp();
}

test('payloads and all that holds them go with their time; counts, causes and newer jobs stay', async ({
  db,
}) => {
  const old = await oldJob(db, 31, 4500);
  const recent = await oldJob(db, 29);
  const { batchJobId: running } = await startJob(db, newJob(2));
  const folder = await emptyFolder();
  for (const id of [old, recent]) await writeFile(join(folder, `${id}-errors.csv`), '');
  for (const name of ['mine.csv', 'dead-letters.csv', 'dead-letters-of-import.csv'])
    await writeFile(join(folder, name), '');
  await db.run(
    (sql) => sql`
      insert into staged_patches (retry_id, idx, payload, staged_at)
      values (${old}, 0, '1', now() - interval '2 days'), (${old}, 1, '1', now())`,
  );

  await tidy(db, 30, folder);

  expect(await leftOf(db, old)).toEqual([]);
  expect(await leftOf(db, recent)).toEqual([...tables]);
  expect((await readdir(folder)).sort()).toEqual([`${recent}-errors.csv`, 'mine.csv']);
  const rows = await db.run(
    (sql) => sql`
      select status, record_id, failure, group_id from records
      where job_id = ${old} and (idx = 0 or payload is not null or result is not null or progress is not null
        or order_key is not null or dead_letter)`,
  );
  const failure = { class: 'data', code: 'http_422', message: 'ours' };
  expect(rows).toEqual([{ status: 'failed', record_id: 'id-0', failure, group_id: 'g' }]);
  const job = await findJob(db, old);
  expect(job).toMatchObject({ total: 4500, counts: { succeeded: 4499, failed: 1 } });
  expect(job?.purgedAt).toBeInstanceOf(Date);
  expect(job?.endingFailure).toEqual({ class: 'bug', code: 'x', message: 'ours' });
  for (const id of [recent, running]) expect((await findJob(db, id))?.purgedAt).toBeNull();
  const events = await db.run((sql) => sql`select job_id from job_events where kind = 'purged'`);
  expect(events).toEqual([{ job_id: old }]);
  expect(await db.run((sql) => sql`select idx from staged_patches`)).toEqual([{ idx: 1 }]);
});

test('exports that were never finished go after a day, also when payloads are kept for ever', async ({
  db,
}) => {
  const folder = await emptyFolder();
  const draft = (name: string) => `${name}.${randomUUID()}.tmp`;
  const left = [draft('dead-letters.csv'), draft(`${randomUUID()}-results.json`)];
  const kept = [draft('dead-letters.ndjson'), 'dead-letters.csv', 'notes.tmp', `stdin-${randomUUID()}.tmp`];
  for (const name of [...left, ...kept]) await writeFile(join(folder, name), '');
  const longAgo = (Date.now() - 1.1 * day) / 1000;
  for (const name of [...left, ...kept.slice(1)]) await utimes(join(folder, name), longAgo, longAgo);

  await tidy(db, undefined, folder);

  expect((await readdir(folder)).sort()).toEqual(kept.sort());
});

test('a purge that was cut short goes on where it was, and nothing is purged when that is off', async ({
  db,
}) => {
  const cut = await oldJob(db, 40, 4100);
  const other = await oldJob(db, 35);
  await tidy(db, undefined);
  expect((await findJob(db, cut))?.purgedAt).toBeNull();
  await beginPurges(db, 39 * day);
  await purgeRecords(db, cut, 0, 2000);

  await tidy(db, 38);

  const rows = await db.run((sql) => sql`select from records where job_id = ${cut} and payload is not null`);
  expect(rows).toHaveLength(0);
  expect(await leftOf(db, cut)).toEqual([]);
  expect((await findJob(db, other))?.purgedAt).toBeNull();
});

test('a callback that is still owed outlives the payloads of its job, which is purged to its end later', async ({
  db,
}) => {
  const id = await oldJob(db, 31);
  await db.run((sql) => sql`update deliveries set due_at = now(), delivered_at = null where job_id = ${id}`);

  await tidy(db, 30);

  expect(await leftOf(db, id)).toEqual(['deliveries']);
  await db.run((sql) => sql`update deliveries set due_at = null, given_up_at = now() where job_id = ${id}`);
  await tidy(db, 30);
  expect(await leftOf(db, id)).toEqual([]);
});

test('only one process tidies up at a time, and another one when that has died', async ({ db }) => {
  const id = await oldJob(db, 31);
  expect(await holdHousekeeping(db, 'other', 60_000)).toBe(true);

  await tidy(db, 30);
  expect((await findJob(db, id))?.purgedAt).toBeNull();

  expect(await holdHousekeeping(db, 'other', -1)).toBe(true);
  await tidy(db, 30);
  expect(await leftOf(db, id)).toEqual([]);
});
