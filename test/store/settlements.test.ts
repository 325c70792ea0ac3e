import { expect } from 'vitest';
import type { Settlement } from '../../src/domain/record.ts';
import { claimRecords } from '../../src/store/claims.ts';
import { finishJob, skipPending, stopJob } from '../../src/store/control.ts';
import type { Database } from '../../src/store/database.ts';
import { groupFailures, listFailures } from '../../src/store/failures.ts';
import type { Lease } from '../../src/store/leases.ts';
import { saveSettlements } from '../../src/store/settlements.ts';
import { test } from '../support/database.ts';
import { countersOf, countRows, failureOf, newJob, requeue, startJob } from '../support/jobs.ts';

const failed = (more = {}): Settlement => ({ status: 'failed', failure: failureOf('data', more) });
const done: Settlement = { status: 'succeeded', result: { ok: true } };

async function settleAll(db: Database, lease: Lease, settlements: readonly Settlement[], claims = 0) {
  const claimed =
    (await claimRecords(db, { lease, claims, limit: settlements.length, fresh: true }))?.records ?? [];
  const settled = claimed.map((record, at) => ({ record, settlement: settlements[at]! }));
  return (await saveSettlements(db, lease, settled))?.status;
}

test('reaching max_failures ends the job in the statement that counts the failure', async ({ db }) => {
  const policy = { continueOnError: true, onRecordFailure: 'log', maxFailures: 2 } as const;
  const lease = await startJob(db, newJob(5, { policy }));

  const status = await settleAll(db, lease, [failed(), done, failed()]);

  expect(status).toBe('failed');
  expect(await skipPending(db, lease.batchJobId)).toBe(2);
  expect(await finishJob(db, lease.batchJobId)).toBe('failed');
  expect(await countersOf(db, lease.batchJobId)).toEqual({ succeeded: 1, failed: 2, skipped: 2 });
});

test('continue_on_error false ends the job at the first failure', async ({ db }) => {
  const policy = { continueOnError: false, onRecordFailure: 'log', maxFailures: null } as const;
  const lease = await startJob(db, newJob(3, { policy }));

  expect(await settleAll(db, lease, [done])).toBe('processing');
  expect(await settleAll(db, lease, [failed()], 1)).toBe('failed');
});

test('a record that would wait for another attempt in a cancelled job is skipped', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  const claimed = await claimRecords(db, { lease, claims: 0, limit: 1, fresh: true });
  await stopJob(db, lease.batchJobId, 'cancelled', 'cancelled');

  const waits = { status: 'pending', failure: failureOf('transient'), retryInMs: 1000 } as const;
  await saveSettlements(db, lease, [{ record: claimed!.records[0]!, settlement: waits }]);

  expect(await countRows(db, lease.batchJobId)).toEqual({ skipped: 1 });
  expect(await finishJob(db, lease.batchJobId)).toBe('cancelled');
});

test('a record that a cancelled job skips has the time of it, whoever skips it', async ({ db }) => {
  const lease = await startJob(db, newJob(2));
  const claimed = await claimRecords(db, { lease, claims: 0, limit: 1, fresh: true });
  await stopJob(db, lease.batchJobId, 'cancelled', 'cancelled');

  const handedBack = { status: 'pending', uncounted: true } as const;
  await saveSettlements(db, lease, [{ record: claimed!.records[0]!, settlement: handedBack }]);
  await skipPending(db, lease.batchJobId);

  const rows = await db.run(
    (sql) => sql`
      select status, settled_at is not null as timed from records where job_id = ${lease.batchJobId} order by idx`,
  );
  expect(rows).toEqual([
    { status: 'skipped', timed: true },
    { status: 'skipped', timed: true },
  ]);
});

test('a record that waits for another attempt has no time of its settlement', async ({ db }) => {
  const lease = await startJob(db, newJob(1));

  await settleAll(db, lease, [{ status: 'pending', failure: failureOf('transient'), retryInMs: 1000 }]);

  const [row] = await db.run(
    (sql) => sql`select status, settled_at as at from records where job_id = ${lease.batchJobId}`,
  );
  expect(row).toEqual({ status: 'pending', at: null });
});

test('a job is not finished while a record is pending or processing', async ({ db }) => {
  const lease = await startJob(db, newJob(2));
  await settleAll(db, lease, [done]);

  expect(await finishJob(db, lease.batchJobId)).toBeUndefined();
  await settleAll(db, lease, [done], 1);
  expect(await finishJob(db, lease.batchJobId)).toBe('completed');
});

test('that a call may have arrived stays known until its step, or the record, succeeds', async ({ db }) => {
  const lease = await startJob(db, newJob(4));
  const attempt = (step: string, more: object): Settlement => ({
    status: 'pending',
    failure: failureOf('transient', { step, ...more }),
    retryInMs: -1,
    progress: { results: {} },
  });
  const lost = attempt('send', { maybeApplied: true });
  const last = (step: string, results = {}): Settlement => ({
    status: 'failed',
    failure: failureOf('data', { step }),
    progress: { results },
  });

  await settleAll(db, lease, [lost, lost, lost, lost]);
  await settleAll(
    db,
    lease,
    [1, 2, 3, 4].map(() => attempt('send', {})),
    1,
  );
  await settleAll(db, lease, [last('send'), last('then'), last('then', { send: null }), done], 2);

  const rows = await db.run(
    (sql) => sql<{ marked: boolean; attempts: number }[]>`
      select coalesce(failure->'maybeApplied' = 'true', false) as marked, (
          select count(*)::int from failed_attempts
          where failed_attempts.job_id = records.job_id and failed_attempts.idx = records.idx
            and failed_attempts.failure->'maybeApplied' = 'true') as attempts
      from records where job_id = ${lease.batchJobId} order by idx`,
  );
  expect(rows.map(({ marked }) => marked)).toEqual([true, true, false, false]);
  expect(rows.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);
  const [job] = await db.run(
    (sql) => sql`select maybe_applied from batch_jobs where id = ${lease.batchJobId}`,
  );
  expect(job).toEqual({ maybe_applied: 4 });
});

test('text that jsonb cannot hold is kept with a mark in its place', async ({ db }) => {
  const lease = await startJob(db, newJob(2));
  const nasty = 'nul \u0000 lone \ud800 fine \u{1f600} backslash \\u0000';

  await settleAll(db, lease, [
    { status: 'succeeded', result: { nasty } },
    failed({ untrustedMessage: nasty }),
  ]);

  const [row] = await db.run(
    (sql) => sql`select result from records where job_id = ${lease.batchJobId} and idx = 0`,
  );
  expect(row?.result.nasty).toContain('nul \ufffd lone \ufffd fine \u{1f600}');
  expect(await countersOf(db, lease.batchJobId)).toEqual({ succeeded: 1, failed: 1 });
});

test('failures with the same cause form a group with its first records', async ({ db }) => {
  const lease = await startJob(db, newJob(6));
  await settleAll(db, lease, [
    failed({ untrustedMessage: 'customer 1 exists' }),
    failed({ untrustedMessage: 'email is missing' }),
    failed({ untrustedMessage: 'customer 2 exists' }),
    done,
    failed({ untrustedMessage: 'customer 77 exists' }),
    failed({ untrustedMessage: 'customer 99 exists' }),
  ]);

  const { groups, groupCount, failureCount } = await groupFailures(db, lease.batchJobId, { limit: 10 });

  expect([groupCount, failureCount]).toEqual([2, 5]);
  expect(groups.map(({ count, samples }) => [count, samples.map(({ index, id }) => [index, id])])).toEqual([
    [
      4,
      [
        [0, 'id-0'],
        [2, 'id-2'],
        [4, 'id-4'],
      ],
    ],
    [1, [[1, 'id-1']]],
  ]);
  expect(groups[0]?.firstAt).toBeInstanceOf(Date);
  const page = await listFailures(db, lease.batchJobId, { after: 0, limit: 10, groupId: groups[0]!.groupId });
  expect(page.map(({ index, payload }) => ({ index, payload }))).toEqual([
    { index: 2, payload: { n: 2 } },
    { index: 4, payload: { n: 4 } },
    { index: 5, payload: { n: 5 } },
  ]);
});

test('failed records go up one wave, skipped ones stay in theirs, and the counts follow', async ({ db }) => {
  const lease = await startJob(db, newJob(4));
  await settleAll(db, lease, [failed(), done]);
  await stopJob(db, lease.batchJobId, 'cancelled', 'cancelled');
  await skipPending(db, lease.batchJobId);
  await finishJob(db, lease.batchJobId);

  const selection = { statuses: ['failed', 'skipped'] as const };
  const requeued = await requeue(db, lease.batchJobId, 0, selection, 2);

  expect(requeued).toEqual({ selected: 3, wave: 1, readsOn: false });
  expect(await countersOf(db, lease.batchJobId)).toEqual({ pending: 3, succeeded: 1 });
  const rows = await db.run(
    (sql) => sql`select idx, wave from records where job_id = ${lease.batchJobId} order by idx`,
  );
  expect(rows.map((row) => row.wave)).toEqual([1, 0, 0, 0]);
});

test('a retry of a job that runs, or of a wave that is over, changes nothing', async ({ db }) => {
  const lease = await startJob(db, newJob(1));
  const selection = { statuses: ['failed'] as const };

  expect(await requeue(db, lease.batchJobId, 0, selection, 1)).toBeUndefined();
  await settleAll(db, lease, [failed()]);
  await finishJob(db, lease.batchJobId);
  expect(await requeue(db, lease.batchJobId, 5, selection, 1)).toBeUndefined();
  expect(await requeue(db, lease.batchJobId, 0, selection, 1)).toMatchObject({ selected: 1 });
});

test('a selection narrows a retry by index and by id', async ({ db }) => {
  const selections = [
    [{ indexes: [0, 2] }, 2],
    [{ ids: ['id-1'] }, 1],
    [{ ids: ['id-1'], indexes: [0] }, undefined],
    [{}, 3],
  ] as const;
  for (const [narrowing, selected] of selections) {
    const lease = await startJob(db, newJob(3));
    await settleAll(db, lease, [failed(), failed(), failed()]);
    await finishJob(db, lease.batchJobId);

    const selection = { statuses: ['failed'] as const, ...narrowing };
    const requeued = await requeue(db, lease.batchJobId, 0, selection, 1);

    expect(requeued?.selected).toBe(selected);
  }
});
