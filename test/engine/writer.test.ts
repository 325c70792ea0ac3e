import { expect } from 'vitest';
import { largestWindow } from '../../src/engine/claimer.ts';
import { Writer } from '../../src/engine/writer.ts';
import { claimRecords } from '../../src/store/claims.ts';
import { test } from '../support/database.ts';
import { quietLog } from '../support/engine.ts';
import { countersOf, newJob, startJob } from '../support/jobs.ts';

test('a writer is idle once all groups are committed, also those that wait for each other', async ({
  db,
}) => {
  const count = 6 * largestWindow;
  const lease = await startJob(db, newJob(count));
  const { records } = (await claimRecords(db, { lease, claims: 0, limit: count, fresh: true })) ?? {};
  const commits: unknown[] = [];
  const writer = new Writer({
    db,
    lease,
    wishes: {
      flowName: 'test-flow',
      ordered: false,
      remembers: false,
      forgets: false,
      onFailure: 'log',
      callback: null,
    },
    log: quietLog,
    flowName: 'test-flow',
    bound: () => count,
    flushAt: () => largestWindow,
    onCommit: (status) => commits.push(status),
  });

  for (const record of records ?? []) {
    await writer.admit();
    writer.add(record, { status: 'succeeded', result: 1 });
  }
  await writer.idle();

  expect(await countersOf(db, lease.batchJobId)).toEqual({ succeeded: count });
  expect(commits).toEqual(Array(6).fill('processing'));
});
