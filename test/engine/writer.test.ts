import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, vi } from 'vitest';
import { largestWindow } from '../../src/engine/claimer.ts';
import type { Observer } from '../../src/engine/observer.ts';
import { Writer } from '../../src/engine/writer.ts';
import { claimRecords } from '../../src/store/claims.ts';
import { test } from '../support/database.ts';
import { quietLog } from '../support/engine.ts';
import { countersOf, newJob, startJob } from '../support/jobs.ts';

const plain = {
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
} as const;

test('a writer is idle once all groups are committed, also those that wait for each other', async ({
  db,
}) => {
  const count = 6 * largestWindow;
  const lease = await startJob(db, newJob(count));
  const { records } = (await claimRecords(db, { lease, claims: 0, limit: count, fresh: true })) ?? {};
  const commits: unknown[] = [];
  const writer = new Writer({
    ...plain,
    db,
    lease,
    bound: () => count,
    flushAt: () => largestWindow,
    onCommit: (status) => commits.push(status),
    onLost: () => {},
  });

  for (const record of records ?? []) {
    await writer.admit();
    writer.add(record, { status: 'succeeded', result: 1 });
  }
  await writer.idle();

  expect(await countersOf(db, lease.batchJobId)).toEqual({ succeeded: count });
  expect(commits).toEqual(Array(6).fill('processing'));
});

test('what comes in during a commit waits until there are as many as make a group, or for a moment', async ({
  db,
  onTestFinished,
}) => {
  const lease = await startJob(db, newJob(15));
  const { records = [] } = (await claimRecords(db, { lease, claims: 0, limit: 15, fresh: true })) ?? {};
  const groups: number[] = [];
  let committed = () => {};
  const observer: Observer = {
    settled: (_flow, _status, count) => groups.push(count),
    attemptBegan() {},
    attemptEnded() {},
    tookOver() {},
    delivered() {},
  };
  const writer = new Writer({
    ...plain,
    db,
    lease,
    observer,
    bound: () => 15,
    flushAt: () => 3,
    onCommit: () => committed(),
    onLost: () => {},
  });
  const nextCommit = () =>
    new Promise<void>((resolve) => {
      committed = resolve;
    });
  const add = (from: number, to: number) => {
    for (const record of records.slice(from, to)) writer.add(record, { status: 'succeeded', result: 1 });
  };

  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  let commit = nextCommit();
  add(0, 3);
  await nextTurn();
  add(3, 4);
  await commit;
  commit = nextCommit();
  add(4, 6);
  await commit;
  commit = nextCommit();
  add(6, 7);
  vi.advanceTimersByTime(10);
  await commit;
  // The moment passes during a commit.
  commit = nextCommit();
  add(7, 10);
  await nextTurn();
  add(10, 11);
  vi.advanceTimersByTime(10);
  await commit;
  await nextCommit();
  // What comes in together is a group, also if it is more.
  commit = nextCommit();
  add(11, 14);
  add(14, 15);
  await commit;

  expect(groups).toEqual([3, 3, 1, 3, 1, 4]);
});
