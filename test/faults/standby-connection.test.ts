import { expect } from 'vitest';
import { findStandby } from '../../src/store/standby-lock.ts';
import { someRecords, test } from './arena.ts';
import { until } from './until.ts';
import { expectTargetDidAll, jobFinished } from './witness.ts';

test('a standby comes back after its connections were cut, and goes on with what the killed server left', {
  timeout: 60_000,
}, async ({ arena }) => {
  arena.answer = () => ({ kind: 'ok', delayMs: 50 });
  const server = await arena.start({ SLUICE_BACKGROUND: 'on' });
  const { batch_job_id } = await server.call('start_batch', {
    flow_id: 'import',
    concurrency: 5,
    records: someRecords(300),
  });
  await until('a standby', async () => (await findStandby(arena.db)) === 'works');
  await arena.target.reached(20);
  await server.kill();
  const before = arena.target.hits.length;
  await arena.target.reached(before + 20);

  await arena.db.run(
    (sql) => sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
  );

  expect(await jobFinished(arena.db, batch_job_id)).toMatchObject({ status: 'completed', succeeded: 300 });
  expectTargetDidAll(arena.target, 300);
});
