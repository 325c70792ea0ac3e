import { expect, onTestFinished } from 'vitest';
import { readEarlierRecords } from '../../src/engine/earlier-records.ts';
import type { JobSource, SourceRow } from '../../src/sources/source.ts';
import type { Database } from '../../src/store/database.ts';
import { test } from '../support/database.ts';
import { type Connected, connect } from '../support/mcp.ts';

/** A flow that refuses records without a name, and another one that takes any. */
const flows = {
  'strict.yaml': `flow: strict
target: echo
mapping: { name: source.name | required }
batch: { id_field: id }
`,
  'any.yaml': 'flow: any\ntarget: echo\n',
};

async function open(db: Database): Promise<Connected> {
  const sluice = await connect(db, flows);
  onTestFinished(() => sluice.close());
  return sluice;
}

/** A finished job of 600 records: every third one has failed. */
async function strictJob(sluice: Connected): Promise<string> {
  const lines = Array.from({ length: 600 }, (_, n) => `${n},${n % 3 === 0 ? '' : `n${n}`}`);
  const path = sluice.write(`strict-${Math.random()}.csv`, ['id,name', ...lines].join('\n'));
  const { batch_job_id } = await sluice.call('start_batch', { flow_id: 'strict', source: { path } });
  expect(await sluice.finish(batch_job_id)).toMatchObject({ counts: { succeeded: 400, failed: 200 } });
  return batch_job_id;
}

const recordsOf = (db: Database, batchJobId: string) =>
  db.run(
    (sql) => sql<{ id: string; payload: unknown }[]>`
      select record_id as id, payload from records where job_id = ${batchJobId} order by idx`,
  );

test('records of an earlier job go through another flow in the order of its input, with their ids', async ({
  db,
}) => {
  const sluice = await open(db);
  const earlier = await strictJob(sluice);

  const source = { batch_job_id: earlier, statuses: ['failed'] };
  const { batch_job_id } = await sluice.call('start_batch', { flow_id: 'any', source });
  const status = await sluice.finish(batch_job_id);
  const again = await sluice.call('start_batch', { flow_id: 'any', source });
  const others = await sluice.call('start_batch', {
    flow_id: 'any',
    source: { batch_job_id: earlier, statuses: ['succeeded'] },
  });
  const all = await sluice.call('start_batch', { flow_id: 'any', source: { batch_job_id: earlier } });

  expect(status).toMatchObject({ status: 'completed', total: 200 });
  const failed = Array.from({ length: 200 }, (_, n) => `${3 * n}`);
  expect(await recordsOf(db, batch_job_id)).toEqual(failed.map((id) => ({ id, payload: { id, name: '' } })));
  expect(again).toMatchObject({ earlier_job: batch_job_id });
  expect(others.earlier_job).toBeUndefined();
  expect(await sluice.finish(others.batch_job_id)).toMatchObject({ total: 400 });
  expect(await sluice.finish(all.batch_job_id)).toMatchObject({ total: 600 });
  const { jobs } = await sluice.call('list_batch_jobs', { flow_id: 'any' });
  expect(jobs[0]).toMatchObject({ source: `job ${earlier}` });
});

test('reading goes on where it was cut short, and not in records that were retried meanwhile', async ({
  db,
}) => {
  const sluice = await open(db);
  const earlier = await strictJob(sluice);
  const source: JobSource = {
    kind: 'job',
    batchJobId: earlier,
    wave: 0,
    statuses: ['failed'],
    as: 'records',
  };
  const reading = (skipRows: number) =>
    readEarlierRecords({
      ...{ db, source, batchJobId: earlier, skipRows },
      signal: new AbortController().signal,
    });

  const rest: SourceRow[] = [];
  for await (const batch of reading(197)) rest.push(...batch);
  const begun = reading(0);
  await begun.next();
  await sluice.call('retry_batch_failed_records', { batch_job_id: earlier });
  const broken = await begun.next().catch((error: unknown) => error);

  expect(rest.map(({ line }) => line)).toEqual([592, 595, 598]);
  expect(broken).toMatchObject({ code: 'source_changed' });
  expect(String(broken)).toContain(
    `The records of batch job ${earlier} have been retried since this job began`,
  );
});

test('what cannot be a source is refused with the reason', async ({ db }) => {
  const sluice = await open(db);
  const earlier = await strictJob(sluice);
  const start = (source: object) => sluice.call('start_batch', { flow_id: 'any', source });

  await expect(start({})).rejects.toThrow(/source takes either path, url or .* or batch_job_id/);
  await expect(start({ batch_job_id: earlier, format: 'csv' })).rejects.toThrow(/either path/);
  await expect(start({ path: 'a.csv', statuses: ['failed'] })).rejects.toThrow(/either path/);
  await expect(start({ batch_job_id: earlier, statuses: ['skipped'] })).rejects.toThrow(
    /has no records that are skipped.*source_invalid/,
  );
  await db.run((sql) => sql`update batch_jobs set finished_at = null where id = ${earlier}`);
  await expect(start({ batch_job_id: earlier })).rejects.toThrow(/batch_job_not_finished/);
});
