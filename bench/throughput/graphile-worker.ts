import { setTimeout as sleep } from 'node:timers/promises';
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import postgres from 'postgres';
import type { Setting } from '../contender.ts';
import { startClock } from '../contender.ts';
import { type BenchRecord, chunks, makeRecords } from '../records.ts';

const insertRows = 5000;
const logger = new Logger(() => () => {});

/**
 * graphile-worker at its best: jobs fetched 500 at a time and completed in batches. It deletes a job
 * that is done, so the task leaves a row with the record's status, as its users have to.
 */
export default async function graphileWorker({ databaseUrl, records, concurrency }: Setting) {
  const options = { connectionString: databaseUrl, maxPoolSize: Math.min(concurrency, 20), logger };
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  await sql`create table record_status (idx int primary key, status text not null, result json)`;
  const utils = await makeWorkerUtils(options);
  await utils.migrate();
  const given = makeRecords(records);

  const clock = startClock();
  for (const part of chunks(given, insertRows)) {
    await utils.addJobs(part.map((payload) => ({ identifier: 'record', payload })));
  }
  const runner = await run({
    ...options,
    concurrency,
    noHandleSignals: true,
    preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0 } },
    taskList: {
      record: async (payload, { query }) => {
        const { id } = payload as BenchRecord;
        await query(`insert into record_status values ($1, 'succeeded', '{"ok":true}')`, [id]);
      },
    },
  });
  while (await hasJobs(sql)) await sleep(5);
  const perSecond = clock(records);

  const [row] = await sql<{ count: number }[]>`select count(*)::int as count from record_status`;
  if (row?.count !== records) throw new Error(`${row?.count} of ${records} records are done`);
  await runner.stop();
  await utils.release();
  await sql.end();
  return { perSecond };
}

async function hasJobs(sql: postgres.Sql): Promise<boolean> {
  const rows = await sql`select from graphile_worker._private_jobs limit 1`;
  return rows.length > 0;
}
