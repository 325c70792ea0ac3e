import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Setting } from '../contender.ts';
import { startClock } from '../contender.ts';
import { chunks, makeRecords } from '../records.ts';

const queueName = 'records';
const addJobs = 1000;

/** BullMQ: a job per record, added 1,000 at a time, run by one worker; done jobs are kept. */
export default async function bullmq({ redisSocket, records, concurrency }: Setting) {
  if (redisSocket === undefined) throw new Error('BullMQ needs a Redis');
  const open = () => new Redis({ path: redisSocket, maxRetriesPerRequest: null });
  const connection = open();
  await connection.flushall();
  const queue = new Queue(queueName, { connection });
  const worker = new Worker(queueName, async () => ({ ok: true }), {
    connection: open(),
    concurrency,
    autorun: false,
  });
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  const given = makeRecords(records);

  const clock = startClock();
  for (const part of chunks(given, addJobs)) {
    await queue.addBulk(part.map((data) => ({ name: 'record', data })));
  }
  const finished = new Promise<void>((resolve) => {
    let done = 0;
    worker.on('completed', () => {
      if (++done === records) resolve();
    });
  });
  void worker.run();
  await finished;
  const perSecond = clock(records);

  if ((await queue.getCompletedCount()) !== records) throw new Error('not all jobs are done');
  return { perSecond };
}
