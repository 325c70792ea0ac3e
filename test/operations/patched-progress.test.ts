import { expect } from 'vitest';
import { test as base } from '../support/database.ts';
import { type Connected, connect } from '../support/mcp.ts';
import { startTarget, type Target } from '../support/target.ts';

const ship = `flow: ship
checkpoint: true
steps:
  - { name: shape, type: transform, mapping: { email: source.email | lowercase } }
  - { name: reserve, type: http_request, connector: crm, method: POST, path: /reserve, body: { id: reserve } }
  - name: send
    type: http_request
    connector: crm
    method: POST
    path: /send
    body: { id: "{{ steps.shape.result.email }}" }
`;

const order = `flow: order
steps:
  - name: lines
    type: batch
    items: "{{ record.lines }}"
    task:
      type: http_request
      connector: crm
      method: POST
      path: /lines
      body: { id: "{{ item.sku }}" }
      checkpoint: true
`;

const notify = `flow: notify
steps:
  - name: notify
    for_each: "{{ record.lines }}"
    type: http_request
    connector: crm
    method: POST
    path: /lines
    body: { id: "{{ item.sku }}" }
    checkpoint: true
`;

const test = base.extend<{ target: Target; mcp: Connected }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  target: async ({}, use) => {
    const target = await startTarget({
      answer: ({ id }) => (id === 'bad' ? { kind: 'status', status: 422 } : { kind: 'ok' }),
    });
    await use(target);
    await target.close();
  },
  mcp: async ({ db, target }, use) => {
    const connectors = `crm:\n  type: http\n  base_url: ${target.url}\n  allow_private: true\n`;
    const flows = { 'ship.yaml': ship, 'order.yaml': order, 'notify.yaml': notify };
    const mcp = await connect(db, { ...flows, 'connectors.yaml': connectors });
    await use(mcp);
    await mcp.close();
  },
});

/** Runs one record that fails, patches it, and returns the counts after the retry. */
async function patched(mcp: Connected, flow: string, record: object, set: object) {
  const { batch_job_id } = await mcp.call('start_batch', { flow_id: flow, records: [record] });
  expect((await mcp.finish(batch_job_id)).counts).toMatchObject({ failed: 1 });
  await mcp.call('retry_batch_failed_records', { batch_job_id, patch: { set } });
  return (await mcp.finish(batch_job_id)).counts;
}

const lines = (...skus: string[]) => ({ lines: skus.map((sku) => ({ sku })) });
const ids = (target: Target) => target.hits.map(({ id }) => id);

test('what was made of a value that is patched is made anew, and what was done is not done again', async ({
  mcp,
  target,
}) => {
  const counts = await patched(mcp, 'ship', { email: 'BAD' }, { email: 'Good' });

  expect(counts).toMatchObject({ retried_success: 1, failed: 0 });
  expect(ids(target)).toEqual(['reserve', 'bad', 'good']);
});

test.for(['order', 'notify'])(
  'of the items of a patched list, in %s, each is sent once, wherever it stands',
  async (flow, { mcp, target }) => {
    const counts = await patched(mcp, flow, lines('a', 'b', 'b', 'bad'), lines('b', 'c', 'a', 'b', 'b'));

    expect(counts).toMatchObject({ retried_success: 1, failed: 0 });
    expect(
      ids(target)
        .filter((id) => id !== 'bad')
        .sort(),
    ).toEqual(['a', 'b', 'b', 'b', 'c']);
  },
);

test('items that a retry without a patch finds again are those that were kept', async ({ mcp, target }) => {
  const { batch_job_id } = await mcp.call('start_batch', {
    flow_id: 'order',
    records: [lines('a', 'b', 'bad')],
  });
  await mcp.finish(batch_job_id);

  await mcp.call('retry_batch_failed_records', { batch_job_id });
  await mcp.finish(batch_job_id);

  expect(ids(target).sort()).toEqual(['a', 'b', 'bad', 'bad']);
});
