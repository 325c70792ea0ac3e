import { expect } from 'vitest';
import { test as base } from '../support/database.ts';
import { type Connected, connect } from '../support/mcp.ts';

const flow = `
flow: members
target: echo
input:
  email: email required
  age: integer 0..150
mapping:
  email: source.email | lowercase
  age: source.age | number
batch:
  id_field: email
`;
const parts = 'flow: parts\ntarget: echo\nbatch: { id_field: id }\n';
const chunks = 'flow: chunks\nsize: 3\nsteps:\n  - name: one\n    type: echo\n';

const test = base.extend<{ mcp: Connected }>({
  mcp: async ({ db }, use) => {
    const connected = await connect(db, { 'members.yaml': flow, 'parts.yaml': parts, 'chunks.yaml': chunks });
    await use(connected);
    await connected.close();
  },
});

test('rows that do not fit fail alone at intake, and a retry without a correction sends them no more than the start', async ({
  mcp,
}) => {
  const path = mcp.write(
    'members.csv',
    'email,age\na@example.com,30\nb@example.com,x\n,200\nc@example.com,\n',
  );

  const { batch_job_id } = await mcp.call('start_batch', { flow_id: 'members', source: { path } });
  const status = await mcp.finish(batch_job_id);
  const { errors } = await mcp.call('export_batch_errors', { batch_job_id });
  await mcp.call('retry_batch_failed_records', { batch_job_id });
  const again = await mcp.finish(batch_job_id);

  expect(status.counts).toMatchObject({ succeeded: 2, failed: 2 });
  expect(errors.map(({ error }: { error: object }) => error)).toMatchObject([
    { class: 'data', code: 'input_invalid', step: 'input', message: 'age must be a whole number' },
    { message: 'email is missing; age must be at most 150' },
  ]);
  expect(again.counts).toMatchObject({ succeeded: 2, retried_failed: 2 });
  expect(again.error_groups.map(({ code }: { code: string }) => code)).toEqual([
    'input_invalid',
    'input_invalid',
  ]);
});

test('of a file that was sent before only what has changed goes through', async ({ mcp }) => {
  const before = mcp.write('before.csv', 'email,age\nP@example.com,30\nq@example.com,31\nr@example.com,32\n');
  const after = mcp.write(
    'after.csv',
    'age,email,note\n30,p@example.com,x\n33,q@example.com,x\n32,r@example.com,x\n9,s@example.com,x\n9,s@example.com,y\n',
  );
  const batch = { skip_unchanged: true, duplicates: 'skip' };

  const first = await mcp.call('start_batch', { flow_id: 'members', source: { path: before } });
  await mcp.finish(first.batch_job_id);
  const second = await mcp.call('start_batch', { flow_id: 'members', source: { path: after }, batch });
  const status = await mcp.finish(second.batch_job_id);
  const third = await mcp.call('start_batch', {
    flow_id: 'members',
    source: { path: after },
    batch: { ...batch, duplicates: 'fail' },
  });
  const repeated = await mcp.finish(third.batch_job_id);

  // The id of a record is its own text: P@example.com is another record than p@example.com.
  expect(status).toMatchObject({
    status: 'completed',
    counts: { succeeded: 3, skipped: 2 },
    changes: { new: 2, changed: 1, unchanged: 1 },
    duplicates_skipped: 1,
    next_step: 'Finished; every record succeeded, or had not to be sent.',
  });
  expect(repeated).toMatchObject({
    status: 'completed_with_errors',
    counts: { skipped: 4, failed: 1 },
    changes: { new: 0, changed: 0, unchanged: 4 },
    error_groups: [{ code: 'duplicate_id', message: expect.stringContaining('row 4 (index 3)') }],
  });
  expect(repeated.next_step).not.toContain('skipped');
  await expect(
    mcp.call('retry_batch_failed_records', {
      batch_job_id: third.batch_job_id,
      select: { statuses: ['skipped'] },
    }),
  ).rejects.toThrow('0 skipped');
});

test('rows without an id are never duplicates nor unchanged, so all of them are sent each time', async ({
  mcp,
}) => {
  const path = mcp.write('parts.csv', 'id,v\n1,a\n,b\n,c\n" ",d\n,e\n1,f\n');
  const args = {
    flow_id: 'parts',
    source: { path },
    batch: { duplicates: 'skip', skip_unchanged: true },
  };

  const seen = [];
  for (let run = 0; run < 2; run++) {
    const preview = await mcp.call('preview_batch', args);
    const { batch_job_id } = await mcp.call('start_batch', { ...args, allow_repeat: true });
    const { counts, duplicates_skipped } = await mcp.finish(batch_job_id);
    seen.push([preview.ids, preview.counts.would_send, counts.succeeded, duplicates_skipped]);
  }

  const ids = { field: 'id', missing: 4, duplicates: 1, lines: [7] };
  expect(seen).toEqual([
    [ids, 5, 5, 1],
    [ids, 4, 4, 1],
  ]);
});

test('what cannot be had together is refused before anything starts', async ({ mcp }) => {
  const records = [{ n: 1 }];
  const start = (flow_id: string, batch: object) =>
    mcp.call('start_batch', { flow_id, records, batch, ...(flow_id === 'chunks' ? {} : { id_field: 'n' }) });

  await expect(start('chunks', { order_by: 'n' })).rejects.toThrow(
    /order_by .* 3 records at once.*Nothing was started/,
  );
  await expect(start('chunks', { duplicates: 'skip', skip_unchanged: true })).rejects.toThrow(
    /duplicates: skip and skip_unchanged .* id_field/,
  );
  expect((await start('members', { duplicates: 'skip' })).total).toBe(1);
});

test('get_flow says what each field has to be', async ({ mcp }) => {
  const { expects } = await mcp.call('get_flow', { flow_id: 'members' });

  expect(expects).toEqual([
    { path: 'email', required: true, form: 'email' },
    { path: 'age', required: false, form: 'integer 0..150' },
  ]);
});
