import { expect } from 'vitest';
import { test } from '../support/database.ts';
import { connect } from '../support/mcp.ts';
import {
  failFirst,
  type Hit,
  type Mode,
  ok,
  startTarget,
  status,
  tooManyRequests,
} from '../support/target.ts';

const flow = [
  'flow: push',
  'target: { connector: crm, endpoint: /api/people, timeout: 300ms }',
  'mapping:',
  '  id: source.id',
  '  name: source.name | required',
  'on_error: { retry: 2x fixed(50ms), then: log }',
  '',
].join('\n');

const connectors = (url: string) =>
  `crm:\n  type: http\n  base_url: ${url}\n  allow_private: true\n  auth: { type: bearer, token_env: CRM_TOKEN }\n`;

/** Ten kinds of trouble, by the last digit of a record's number; all but the refusals pass once `mended`. */
function troubles(hit: Hit, mended: boolean): Mode {
  const kind = Number(hit.id) % 10;
  if (kind === 4) return status(422, { message: `email of ${hit.id} is wrong` });
  if (kind === 5) return status(409, { message: 'exists' });
  if (mended) return ok;
  if (kind === 0) return failFirst(1, status(500))(hit);
  if (kind === 1) return failFirst(1, tooManyRequests(0))(hit);
  if (kind === 2) return { kind: 'hang' };
  if (kind === 3) return { kind: 'reset' };
  if (kind === 6) return status(401);
  return ok;
}

test('every kind of trouble ends in its own class, and a retry cures what can be cured', async ({ db }) => {
  let mended = false;
  const target = await startTarget({ answer: (hit) => troubles(hit, mended) });
  const mcp = await connect(db, { 'push.yaml': flow, 'connectors.yaml': connectors(target.url) });
  const records = Array.from({ length: 50 }, (_, id) => ({ id, name: id % 10 === 9 ? '' : `n${id}` }));

  const { batch_job_id } = await mcp.call('start_batch', { flow_id: 'push', records, concurrency: 8 });
  const first = await mcp.finish(batch_job_id);
  mended = true;
  const { errors } = await mcp.call('export_batch_errors', { batch_job_id, limit: 50 });
  await mcp.call('retry_batch_failed_records', { batch_job_id });
  const second = await mcp.finish(batch_job_id);

  expect(first.counts).toMatchObject({ succeeded: 20, failed: 30 });
  const byCode = Object.fromEntries(
    first.error_groups.map((group: { code: string; count: number; error_class: string }) => [
      group.code,
      [group.error_class, group.count],
    ]),
  );
  expect(byCode).toMatchObject({
    http_422: ['data', 5],
    http_409: ['conflict', 5],
    http_401: ['auth', 5],
    timeout: ['transient', 5],
    connection_reset: ['transient', 5],
  });
  expect(first.error_groups.find(({ code }: { code: string }) => code === 'http_401').next_step).toMatch(
    /^Have the person correct the secret of the connector \(`sluice connect \w+` asks for it; .+\), then: retry_batch/,
  );
  expect(first.more_error_groups).toEqual({ groups: 1, failures: 5 });
  // Each of the five that hang is sent three times and never answered; a reset is no answer either.
  expect(first.maybe_applied).toBe(30);
  expect(first.may_have_arrived).toEqual({
    count: 10,
    first: [2, 3, 12, 13, 22].map((index) => ({ index, status: 'failed' })),
  });
  expect(JSON.stringify([first, errors, second])).not.toContain('S3CR3T');
  expect(second.status).toBe('completed_with_errors');
  expect(second.counts).toMatchObject({ succeeded: 20, retried_success: 15, retried_failed: 15, failed: 0 });
  const keys = new Map<string, Set<string>>();
  for (const { id, headers } of target.hits) {
    const key = String(headers['idempotency-key']);
    keys.set(String(id), (keys.get(String(id)) ?? new Set()).add(key));
  }
  expect([...keys.values()].every((set) => set.size === 1)).toBe(true);
  await mcp.close();
  await target.close();
});

test('a job whose connector lacks its secret waits and says for what', async ({ db }) => {
  const target = await startTarget({});
  const declared = connectors(target.url).replace('CRM_TOKEN', 'NOBODY_SET_THIS');
  const mcp = await connect(db, { 'push.yaml': flow, 'connectors.yaml': declared });

  const { batch_job_id } = await mcp.call('start_batch', {
    flow_id: 'push',
    records: [{ id: 1, name: 'a' }],
  });
  const waiting = await mcp.call('get_batch_status', { batch_job_id, wait_seconds: 10 });
  mcp.write('flows/connectors.yaml', connectors(target.url));
  const status = await mcp.finish(batch_job_id);

  expect(waiting).toMatchObject({ finished: false, waiting_for: { kind: 'connector' } });
  expect(waiting.waiting_for.text).toContain('NOBODY_SET_THIS');
  expect(status.counts).toMatchObject({ succeeded: 1 });
  await mcp.close();
  await target.close();
});

test('a job that is cancelled at once names the calls that may have arrived, and no others', async ({
  db,
}) => {
  const target = await startTarget({ answer: () => ({ kind: 'hang' }) });
  const patient = flow.replace('timeout: 300ms', 'timeout: 60s');
  const three = `${connectors(target.url)}  concurrency: 3\n`;
  const mcp = await connect(db, { 'push.yaml': patient, 'connectors.yaml': three });
  const records = Array.from({ length: 20 }, (_, id) => ({ id, name: `n${id}` }));

  const { batch_job_id } = await mcp.call('start_batch', { flow_id: 'push', records, concurrency: 10 });
  await target.reached(3);
  await mcp.call('update_batch', { batch_job_id, action: 'cancel', now: true });
  const job = await mcp.finish(batch_job_id);

  expect(job).toMatchObject({ status: 'cancelled', maybe_applied: 3, counts: { skipped: 20 } });
  expect(target.hits.length).toBe(3);
  await mcp.close();
  await target.close();
});
