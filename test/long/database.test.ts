import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { findStandby } from '../../src/store/standby-lock.ts';
import { someRecords, test } from '../faults/arena.ts';
import { endSessionsAgainAndAgain } from '../faults/end-sessions.ts';
import { until } from '../faults/until.ts';
import {
  expectAllDone,
  expectTargetDidAll,
  jobFinished,
  repeatedCalls,
  watchCounts,
} from '../faults/witness.ts';

test('a minute of sessions that are ended every half second costs no record and no repeated call', async ({
  arena,
}) => {
  arena.answer = () => ({ kind: 'ok', delayMs: 300 });
  const sluice = await arena.start({ SLUICE_LEASE_SECONDS: '15' });
  const { batch_job_id } = await sluice.call('start_batch', {
    flow_id: 'import',
    concurrency: 5,
    records: someRecords(1000),
  });
  const watch = watchCounts(arena.db, batch_job_id);
  const ending = endSessionsAgainAndAgain(arena.db, 500);

  await jobFinished(arena.db, batch_job_id, 300_000);
  const ended = await ending.stop();

  expect(ended).toBeGreaterThan(100);
  expect(await watch.stop()).toEqual([]);
  await expectAllDone(arena, batch_job_id, 1000);
  expect(repeatedCalls(arena.target)).toBe(0);
  expect(sluice.stderr).not.toMatch(/\n\s+at /);
  console.log(`${ended} sessions ended`);
});

test('a standby goes on with its job after a database that was away for a minute and a half', async ({
  arena,
}) => {
  arena.answer = () => ({ kind: 'ok', delayMs: 50 });
  const server = await arena.start({ SLUICE_BACKGROUND: 'on' });
  const { batch_job_id } = await server.call('start_batch', {
    flow_id: 'import',
    concurrency: 5,
    records: someRecords(500),
  });
  await until('a standby', async () => (await findStandby(arena.db)) === 'works');
  await server.kill();
  const before = arena.target.hits.length;
  await arena.target.reached(before + 20);

  arena.proxy.refuse();
  await sleep(90_000);
  arena.proxy.restore();

  expect(await jobFinished(arena.db, batch_job_id, 60_000)).toMatchObject({
    status: 'completed',
    succeeded: 500,
  });
  expectTargetDidAll(arena.target, 500);
});
