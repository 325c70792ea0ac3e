import PQueue from 'p-queue';
import { PgBoss } from 'pg-boss';
import postgres from 'postgres';
import type { Setting } from '../contender.ts';
import { startClock } from '../contender.ts';
import { type BenchRecord, chunks, makeRecords } from '../records.ts';

const queueName = 'records';
const insertRows = 5000;
const fetchRows = 500;
const loops = 2;

/**
 * pg-boss at its best: a job per record, fetched and completed 500 at a time by two loops. Its own
 * workers (`work`) are slower than that.
 */
export default async function pgBoss({ databaseUrl, records, concurrency }: Setting) {
  const boss = new PgBoss({ connectionString: databaseUrl, supervise: false, schedule: false });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue(queueName);
  const given = makeRecords(records);
  const queue = new PQueue({ concurrency });

  const clock = startClock();
  for (const part of chunks(given, insertRows)) {
    await boss.insert(
      queueName,
      part.map((data) => ({ data })),
    );
  }
  await Promise.all(Array.from({ length: loops }, () => workOff(boss, queue)));
  const perSecond = clock(records);

  const sql = postgres(databaseUrl, { max: 1 });
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from pgboss.job where state = 'completed'`;
  if (row?.count !== records) throw new Error(`${row?.count} of ${records} jobs are done`);
  return { perSecond };
}

async function workOff(boss: PgBoss, queue: PQueue): Promise<void> {
  for (;;) {
    const jobs = await boss.fetch<BenchRecord>(queueName, { batchSize: fetchRows });
    if (jobs.length === 0) return;
    await Promise.all(jobs.map(({ data }) => queue.add(async () => ({ ok: data.id >= 0 }))));
    await boss.complete(
      queueName,
      jobs.map(({ id }) => id),
    );
  }
}
