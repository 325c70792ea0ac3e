import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { test } from '../support/database.ts';
import { connect } from '../support/mcp.ts';

const echo = (name: string) => `flow: ${name}\ntarget: echo\n`;

test('a flow that nobody knows is refused with the nearest name, one that is gone still has its jobs', async ({
  db,
}) => {
  const sluice = await connect(db, { 'people.yaml': echo('people'), 'gone.yaml': echo('gone') });
  onTestFinished(() => sluice.close());
  const { batch_job_id } = await sluice.call('start_batch', { flow_id: 'gone', records: [{ n: 1 }] });
  await sluice.finish(batch_job_id);
  await rm(join(sluice.folder, 'flows', 'gone.yaml'));

  const ofGone = await sluice.call('list_batch_jobs', { flow_id: 'gone' });
  const ofPeople = await sluice.call('list_batch_jobs', { flow_id: 'people' });

  expect(ofGone.jobs).toMatchObject([{ batch_job_id, flow: 'gone' }]);
  expect(ofPeople.jobs).toEqual([]);
  for (const [tool, input] of [
    ['list_batch_jobs', {}],
    ['search_logs', {}],
    ['export_batch_errors', { dead_letters: true }],
  ] as const) {
    await expect(sluice.call(tool, { ...input, flow_id: 'peple' })).rejects.toThrow(
      /There is no flow "peple".*people/,
    );
  }
});
