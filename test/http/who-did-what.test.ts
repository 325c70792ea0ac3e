import { expect, onTestFinished } from 'vitest';
import { test } from '../support/database.ts';
import { serve } from '../support/http.ts';
import { connectRemote } from '../support/http-client.ts';

const flow =
  'flow: refuse\nversion: 1\nsteps:\n  - { name: stop, type: fail, code: broken, message: This one fails }\n';
const slow = `flow: slow
version: 1
retry: 9x fixed(1h)
steps:
  - { name: later, type: fail, retry: true, message: Not yet }
`;

test('every call that changes a job leaves one line that says who made it', async ({ address }) => {
  const served = await serve(address, { flows: { 'refuse.yaml': flow } });
  onTestFinished(() => served.stop());
  served.write('owners/ada/flows/refuse.yaml', flow);
  served.write('owners/ada/flows/slow.yaml', slow);
  const ada = await connectRemote(served.url, await served.tokenOf('ada'));
  onTestFinished(() => ada.close());
  const start = (flow_id: string) =>
    ada.call('start_batch', { flow_id, records: [{ n: 1 }], batch: { on_record_failure: 'dead-letter' } });

  const { batch_job_id: failing } = await start('refuse');
  await ada.call('get_batch_status', { batch_job_id: failing, wait_seconds: 10 });
  await ada.call('retry_batch_failed_records', { batch_job_id: failing });
  await ada.call('get_batch_status', { batch_job_id: failing, wait_seconds: 10 });
  await ada.call('update_batch', { batch_job_id: failing, drop_dead_letters: 'all' });
  const { batch_job_id: long } = await start('slow');
  for (const change of [
    { action: 'pause' },
    // It is paused already, and the limit is changed all the same.
    { action: 'pause', rate: '2/min' },
    { action: 'resume' },
    { concurrency: 2 },
    { action: 'cancel', now: true },
  ])
    await ada.call('update_batch', { batch_job_id: long, ...change });
  await ada.call('get_batch_status', { batch_job_id: long, wait_seconds: 10 });
  const own = await served.json('/api/v1/batches', {
    method: 'POST',
    body: { flow_id: 'refuse', records: [{ n: 1 }] },
  });
  await served.json(`/api/v1/batches/${own.batch_job_id}`);

  const linesOf = async (batch_job_id: string) => {
    const { lines } = await ada.call('search_logs', { batch_job_id, limit: 100 });
    return lines.reverse().map(({ kind, by }: { kind: string; by?: string }) => [kind, by]);
  };
  const byAda = 'ada over HTTP';
  expect((await linesOf(failing)).filter(([kind]: string[]) => !kind?.endsWith('failed'))).toEqual([
    ['started', byAda],
    ['finished', undefined],
    ['retried', byAda],
    ['finished', undefined],
    ['changed', byAda],
  ]);
  expect((await linesOf(long)).filter(([, by]: string[]) => by !== undefined)).toEqual(
    ['started', 'paused', 'changed', 'resumed', 'changed', 'cancelled'].map((kind) => [kind, byAda]),
  );
  const { lines } = await served.json(`/api/v1/logs?batch_job_id=${own.batch_job_id}&text=operator`);
  expect(lines).toMatchObject([{ kind: 'started', by: 'the operator over HTTP' }]);
});
