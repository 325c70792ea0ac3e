import { expect } from 'vitest';
import { createJob } from '../../src/store/create-job.ts';
import { Database } from '../../src/store/database.ts';
import { groupFailures } from '../../src/store/failures.ts';
import { limitFor } from '../support/cpu-time.ts';
import { test } from '../support/database.ts';
import { newJob } from '../support/jobs.ts';
import { rowsRead } from '../support/rows-read.ts';

const failures = 100_000;

/** A job with that many failures of five causes, of which one has nearly all, and the others lie far apart. */
async function failedJob(db: Database): Promise<string> {
  const job = newJob(0, { records: [{ id: 'id-0', json: '{}' }] });
  await createJob(db, job);
  await db.run(
    (sql) => sql`
      with made as (
        insert into records (job_id, idx, record_id, status, payload, attempts, failure, group_id, settled_at)
        select ${job.id}, n, 'id-' || n, 'failed', '{}', 1, '{"class": "data"}',
          case when n % 16661 = 0 then 'rare-' || (n / 16661) % 3 when n in (1, 99999) then 'two' else 'most' end, now()
        from generate_series(1, ${failures}::int) n
        returning 1
      )
      update batch_jobs set total = total + (select count(*) from made), failed = (select count(*) from made)
      where id = ${job.id}`,
    60_000,
  );
  return job.id;
}

test('100,000 failures are grouped by one query that reads each once, in less than 200 ms', async ({
  address,
}) => {
  // One connection, so that the numbers are those of this test.
  const db = new Database({
    address: async () => address,
    name: 'groups',
    connections: 1,
    patienceMs: 1000,
  });
  const job = await failedJob(db);
  const before = await rowsRead(db);

  const { groups, groupCount, failureCount } = await groupFailures(db, job, { limit: 5 });

  expect((await rowsRead(db)) - before).toBeLessThan(failures + 1000);
  expect({ groupCount, failureCount }).toEqual({ groupCount: 5, failureCount: failures });
  expect(
    groups.map(({ groupId, count, samples }) => [groupId, count, samples.map(({ index }) => index)]),
  ).toEqual([
    ['most', failures - 8, [2, 3, 4]],
    ['two', 2, [1, 99_999]],
    ['rare-1', 2, [16_661, 66_644]],
    ['rare-2', 2, [33_322, 83_305]],
    ['rare-0', 2, [49_983, 99_966]],
  ]);
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const began = performance.now();
    await groupFailures(db, job, { limit: 5 });
    times.push(performance.now() - began);
  }
  const tookMs = Math.min(...times);
  expect(tookMs, `${times.map(Math.round)}`).toBeLessThan(limitFor(tookMs, 200));
  await db.close();
});
