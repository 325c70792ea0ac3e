import { expect } from 'vitest';
import type { Observer } from '../../src/engine/observer.ts';
import { claimRecords } from '../../src/store/claims.ts';
import { measure } from '../../src/store/measurements.ts';
import { test } from '../support/database.ts';
import { fail, finished, jobWhen, quickRetry, runFlow, testEngine, testFlow } from '../support/engine.ts';
import { letLapse, newJob, startJob } from '../support/jobs.ts';

function recorder() {
  const told: Record<string, number> = {};
  let [underWay, most] = [0, 0];
  const add = (what: string, count = 1) => {
    told[what] = (told[what] ?? 0) + count;
  };
  const observer: Observer = {
    settled: (flow, status, count) => add(`${flow} ${status}`, count),
    attemptBegan() {
      underWay += 1;
      most = Math.max(most, underWay);
    },
    attemptEnded(flow, ms, outcome) {
      underWay -= 1;
      add(`${flow} ${outcome}${ms >= 0 ? '' : ' before it began'}`);
    },
    tookOver: (count) => add('took over', count),
    delivered: (accepted) => add(accepted ? 'accepted' : 'refused'),
  };
  return { told, observer, peak: () => most, underWay: () => underWay };
}

test('an observer hears of every attempt, of final statuses alone, and of what a limit skips', async ({
  db,
}) => {
  const { told, observer, peak, underWay } = recorder();
  const tries = new Map<number, number>();
  const flow = testFlow(
    ({ index }) => {
      tries.set(index, (tries.get(index) ?? 0) + 1);
      if (index === 0 && tries.get(0) === 1) fail('transient');
      if (index === 3 || index === 4) fail('data');
      return null;
    },
    { retry: quickRetry(1) },
  );
  const policy = { continueOnError: true, onRecordFailure: 'log' as const, maxFailures: 2 };

  const { id, engine } = await runFlow(db, flow, 200, { policy, concurrency: 1 }, { observer });
  const { counts } = await jobWhen(db, id, finished);
  await engine.stop(0);

  const attempts = [...tries.values()].reduce((sum, count) => sum + count, 0);
  expect((told['test-flow done'] ?? 0) + (told['test-flow broken'] ?? 0)).toBe(attempts);
  expect([told['test-flow succeeded'], told['test-flow failed'], told['test-flow skipped']]).toEqual([
    counts.succeeded,
    counts.failed,
    counts.skipped,
  ]);
  expect(counts.failed).toBe(2);
  expect(counts.skipped).toBeGreaterThan(100);
  expect(told).not.toHaveProperty('test-flow pending');
  expect([peak(), underWay()]).toEqual([1, 0]);
});

test('an observer hears of what a process takes over from one that has ended', async ({ db }) => {
  const { told, observer } = recorder();
  const job = newJob(4);
  const lease = await startJob(db, job);
  await claimRecords(db, { lease, claims: 0, limit: 3, fresh: true });
  await letLapse(db, job.id);
  const engine = testEngine(
    db,
    testFlow(() => null),
    { observer, holder: 'another' },
  );

  engine.wake();
  await jobWhen(db, job.id, finished);
  await engine.stop(0);

  expect(told).toMatchObject({ 'took over': 3, 'test-flow succeeded': 4 });
});

test('what there is to do is measured over the whole database, and what may not run does not lag', async ({
  db,
}) => {
  const [running, paused, reading] = [newJob(3), newJob(2), newJob(1)];
  for (const job of [running, paused, reading]) await startJob(db, job);
  const age = (id: string, seconds: number) =>
    db.run(
      (sql) =>
        sql`update batch_jobs set created_at = now() - ${seconds} * interval '1 second' where id = ${id}`,
    );
  await age(running.id, 100);
  await age(paused.id, 1000);
  await db.run(
    (sql) => sql`update batch_jobs set status = 'paused', pause_kind = 'caller' where id = ${paused.id}`,
  );
  await db.run((sql) => sql`update batch_jobs set intake = 'reading' where id = ${running.id}`);
  await db.run(
    (sql) => sql`insert into deliveries (id, job_id, connector, event, payload, due_at, given_up_at)
      select gen_random_uuid(), ${running.id}, 'hook', 'batch.completed', '{}', case when n < 3 then now() end,
        case when n = 3 then now() end from generate_series(1, 3) as n`,
  );

  // Handed back untried: due at once, but not for longer than its job has been there.
  await db.run((sql) => sql`update records set not_before = 'epoch' where job_id = ${reading.id}`);

  const found = await measure(db, 5000);

  expect(found).toMatchObject({ pending: 6, processing: 0, deliveriesPending: 2, deliveriesFailed: 1 });
  expect(found.jobs).toMatchObject({ paused: 1 });
  expect([Math.round(found.claimLag / 10), Math.round(found.intakeLag / 10)]).toEqual([10, 10]);
});
