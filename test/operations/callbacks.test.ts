import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { parseConnectors } from '../../src/connectors/connectors-file.ts';
import { checkInput } from '../../src/operations/check-input.ts';
import { startBatch } from '../../src/operations/start-batch.ts';
import type { Database } from '../../src/store/database.ts';
import { until } from '../faults/until.ts';
import { test } from '../support/database.ts';
import { connect } from '../support/mcp.ts';
import { startReceiver } from '../support/receiver.ts';

const failing = `flow: failing
version: 1
steps:
  - { name: stop, type: fail, message: "not today" }
`;

async function connected(db: Database) {
  const receiver = await startReceiver();
  const sluice = await connect(db, {
    'failing.yaml': failing,
    'telling.yaml': `${failing.replace('failing', 'telling')}on_error: { then: callback }\n`,
    'connectors.yaml': [
      `hook: { type: webhook, url: "${receiver.url}", allow_private: true }`,
      `inside: { type: webhook, url: "${receiver.url}" }`,
      'crm: { type: http, base_url: "https://crm.example.com" }',
      '',
    ].join('\n'),
  });
  onTestFinished(async () => {
    await sluice.close();
    await receiver.close();
  });
  return { ...sluice, receiver };
}

const records = [{ n: 1 }];

test('the examples of docs/callbacks.md are valid', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/callbacks.md'), 'utf8');
  const example = (kind: string) => page.split(`\`\`\`${kind}\n`)[1]?.split('```')[0] ?? '';

  expect(parseConnectors(example('yaml connectors'), 'page')).toHaveProperty('connectors');
  expect(() => checkInput(startBatch, JSON.parse(example('json tool=start_batch')))).not.toThrow();
});

test.for([
  [
    'failing',
    { callback: 'nowhere' },
    /no connector is named "nowhere"\. Connectors of type webhook: hook, inside/,
  ],
  ['failing', { callback: 'crm' }, /the connector crm has the type http, not webhook/],
  ['failing', { callback: 'inside' }, /inside leads to an address that is not public.*allow_private: true/],
  ['failing', { on_record_failure: 'callback' }, /give callback as well\. Connectors of type webhook: hook/],
  ['telling', undefined, /give callback as well/],
] as const)('nothing is started by %s with %j', async ([flow_id, batch, text], { db }) => {
  const { call } = await connected(db);

  const refused = call('start_batch', { flow_id, records, ...(batch && { batch }) });

  await expect(refused).rejects.toThrow(text);
  await expect(refused).rejects.toThrow(/Nothing was started/);
  expect((await call('list_batch_jobs')).jobs).toEqual([]);
  // The same with only a look at it.
  await expect(call('preview_batch', { flow_id, records, ...(batch && { batch }) })).rejects.toThrow(text);
});

test('the status says what became of the callbacks of a job that has them', async ({ db }) => {
  const { call, finish, receiver } = await connected(db);

  const batch = { callback: 'hook' };
  const { batch_job_id } = await call('start_batch', { flow_id: 'telling', records, batch });
  await finish(batch_job_id);
  await until('both are told', () => receiver.received.length === 2);

  await until('the status says so', async () => {
    const { deliveries } = await call('get_batch_status', { batch_job_id });
    return JSON.stringify(deliveries) === '{"pending":0,"delivered":2,"given_up":0}';
  });
  const quiet = await call('start_batch', { flow_id: 'failing', records });
  expect(await finish(quiet.batch_job_id)).not.toHaveProperty('deliveries');
});

test('a job whose payloads are gone says so and refuses what would need them', async ({ db }) => {
  const { call, finish } = await connected(db);
  const { batch_job_id } = await call('start_batch', { flow_id: 'failing', records });
  await finish(batch_job_id);

  await db.run((sql) => sql`update batch_jobs set purged_at = now() where id = ${batch_job_id}`);

  const status = await call('get_batch_status', { batch_job_id });
  expect(status).toMatchObject({
    failed_now: 1,
    purged: { text: expect.stringContaining('SLUICE_RETENTION') },
  });
  expect(status.error_groups[0].next_step).toMatch(/nothing to retry/);
  for (const name of ['export_batch_errors', 'retry_batch_failed_records']) {
    await expect(call(name, { batch_job_id })).rejects.toThrow(/start a new job.*batch_job_purged/s);
  }
});
