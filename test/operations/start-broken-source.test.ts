import { expect } from 'vitest';
import { test as base } from '../support/database.ts';
import { type Connected, connect } from '../support/mcp.ts';

const test = base.extend<{ mcp: Connected }>({
  mcp: async ({ db }, use) => {
    const mcp = await connect(db, { 'echo.yaml': 'flow: echo\ntarget: echo\nmapping: { id: source.id }\n' });
    await use(mcp);
    await mcp.close();
  },
});

test('a start whose file turns out to be broken at once says that the job is over', async ({ mcp }) => {
  const path = mcp.write('cut.json', '[{"id":1},{"id":2');

  const started = await mcp.call('start_batch', { flow_id: 'echo', source: { path } });

  expect(started).toMatchObject({ status: 'failed', finished: true });
  expect(started.next_step).toContain('to see the outcome');
});

test('a job that is over and has nothing to retry is not told to be retried', async ({ mcp }) => {
  const { batch_job_id } = await mcp.call('start_batch', { flow_id: 'echo', records: [{ id: 1 }] });
  await mcp.finish(batch_job_id);

  await expect(mcp.call('update_batch', { batch_job_id, action: 'cancel' })).rejects.toThrow(
    'so there is nothing to change. Nothing was changed.',
  );
});
