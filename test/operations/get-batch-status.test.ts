import { expect } from 'vitest';
import { waitingFor } from '../../src/operations/waiting.ts';
import { claimRecords } from '../../src/store/claims.ts';
import { finishJob, stopJob } from '../../src/store/control.ts';
import { findJob } from '../../src/store/jobs.ts';
import { saveSettlements } from '../../src/store/settlements.ts';
import { test } from '../support/database.ts';
import { failureOf, letLapse, newJob, requeue, startJob } from '../support/jobs.ts';
import { connect } from '../support/mcp.ts';

const flow = `flow: refuse
version: 1
steps:
  - { name: odd, type: fail, code: odd, message: Odd ones fail, when: int(record.n) % 2 == 1 }
  - { name: four, type: fail, code: four, message: So does every fourth, when: int(record.n) % 4 == 0 }
`;

test('while a job runs its causes add up to what has failed, in every answer', async ({ db }) => {
  const mcp = await connect(db, { 'refuse.yaml': flow });
  const path = mcp.write('rows.ndjson', Array.from({ length: 6000 }, (_, n) => `{"n":${n}}`).join('\n'));

  const { batch_job_id } = await mcp.call('start_batch', {
    flow_id: 'refuse',
    source: { path },
    concurrency: 20,
  });
  const answers = [];
  do answers.push(await mcp.call('get_batch_status', { batch_job_id }));
  while (!answers.at(-1).finished);

  const sums = answers.map(({ error_groups: groups, more_error_groups: more, failed_now }) => [
    groups.reduce((sum: number, { count }: { count: number }) => sum + count, more?.failures ?? 0),
    failed_now,
  ]);
  expect(sums.filter(([, failed]) => failed! > 0 && failed! < 4500).length).toBeGreaterThan(1);
  expect(sums.filter(([causes, failed]) => causes !== failed)).toEqual([]);
  expect(sums.at(-1)).toEqual([4500, 4500]);
  await mcp.close();
});

test('of a job that was cancelled nobody expects the rest', async ({ db }) => {
  const mcp = await connect(db, { 'refuse.yaml': flow });
  const job = newJob(10);
  const lease = await startJob(db, job);
  const claimed = await claimRecords(db, { lease, claims: 0, limit: 4, fresh: true });
  const settled = claimed?.records.slice(0, 2) ?? [];
  const settlement = { status: 'succeeded', result: null } as const;
  await saveSettlements(
    db,
    lease,
    settled.map((record) => ({ record, settlement })),
  );
  await db.run(
    (sql) => sql`update batch_jobs set wave_started_at = now() - interval '1 second' where id = ${job.id}`,
  );

  const running = await mcp.call('get_batch_status', { batch_job_id: job.id });
  await stopJob(db, job.id, 'cancelled', 'cancelled');
  const cancelled = await mcp.call('get_batch_status', { batch_job_id: job.id });

  expect(running.eta_seconds).toBeGreaterThan(0);
  expect(cancelled).toMatchObject({ status: 'cancelled', finished: false, eta_seconds: null });
  await mcp.close();
});

test('a retry of an old job is given the time to be taken up, too', async ({ db }) => {
  const job = newJob(1);
  const lease = await startJob(db, job);
  const claimed = await claimRecords(db, { lease, claims: 0, limit: 1, fresh: true });
  const settlement = { status: 'failed', failure: failureOf('data') } as const;
  await saveSettlements(db, lease, [{ record: claimed!.records[0]!, settlement }]);
  await finishJob(db, job.id);
  await letLapse(db, job.id);
  await db.run(
    (sql) => sql`update batch_jobs set created_at = now() - interval '1 hour' where id = ${job.id}`,
  );
  await requeue(db, job.id, 0, { statuses: ['failed'] });

  const atOnce = await waitingFor(db, (await findJob(db, job.id))!);
  await db.run(
    (sql) => sql`update batch_jobs set wave_started_at = now() - interval '10 seconds' where id = ${job.id}`,
  );
  const later = await waitingFor(db, (await findJob(db, job.id))!);

  expect(atOnce).toBeUndefined();
  expect(later).toMatchObject({ kind: 'process' });
});
