import PQueue from 'p-queue';
import { Pool } from 'undici';
import type { Setting } from '../contender.ts';
import { startClock } from '../contender.ts';
import { makeRecords } from '../records.ts';

/** How many tasks wait in the queue at most; feeding it all at once is slower. */
const waitingAtMost = 500;

/** The same calls through the same queue, and nothing is kept of them. */
export default async function undiciAlone({ records, concurrency, warmUp = 1, targetUrl = '' }: Setting) {
  const pool = new Pool(targetUrl, { connections: concurrency, pipelining: 1 });
  const queue = new PQueue({ concurrency });
  await postAll(pool, queue, warmUp);

  const clock = startClock();
  await postAll(pool, queue, records);
  return { perSecond: clock(records) };
}

async function postAll(pool: Pool, queue: PQueue, records: number): Promise<void> {
  let done = 0;
  for (const record of makeRecords(records)) {
    await queue.onSizeLessThan(waitingAtMost);
    void queue.add(async () => {
      if (await post(pool, record)) done++;
    });
  }
  await queue.onIdle();
  if (done !== records) throw new Error(`${done} of ${records} calls were answered`);
}

export async function post(pool: Pool, record: unknown): Promise<boolean> {
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: '/records',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(record),
  });
  await body.json();
  return statusCode === 200;
}
