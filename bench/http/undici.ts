import PQueue from 'p-queue';
import { Pool } from 'undici';
import type { Setting } from '../contender.ts';
import { startClock } from '../contender.ts';
import { makeRecords } from '../records.ts';

/** How many tasks wait in the queue at most; feeding it all at once is slower. */
const waitingAtMost = 500;

/** The same calls through the same queue, and nothing is kept of them. */
export default async function undiciAlone({ records, concurrency, targetUrl = '' }: Setting) {
  const pool = new Pool(targetUrl, { connections: concurrency, pipelining: 1 });
  const queue = new PQueue({ concurrency });
  const given = makeRecords(records);
  let done = 0;

  const clock = startClock();
  for (const record of given) {
    await queue.onSizeLessThan(waitingAtMost);
    void queue.add(async () => {
      if (await post(pool, record)) done++;
    });
  }
  await queue.onIdle();
  const perSecond = clock(records);

  if (done !== records) throw new Error(`${done} of ${records} calls were answered`);
  return { perSecond };
}

async function post(pool: Pool, record: object): Promise<boolean> {
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: '/records',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(record),
  });
  await body.json();
  return statusCode === 200;
}
