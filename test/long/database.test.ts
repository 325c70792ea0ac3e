import { expect } from 'vitest';
import { someRecords, test } from '../faults/arena.ts';
import { endSessionsAgainAndAgain } from '../faults/end-sessions.ts';
import { expectAllDone, jobFinished, repeatedCalls, watchCounts } from '../faults/witness.ts';

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
