import { expect } from 'vitest';
import { test as base } from '../support/database.ts';
import { type Connected, connect } from '../support/mcp.ts';

const test = base.extend<{ mcp: Connected }>({
  mcp: async ({ db }, use) => {
    const mcp = await connect(db, {
      'echo-all.yaml': 'flow: echo-all\nbatch: { id_field: key }\ntarget: echo\n',
    });
    await use(mcp);
    await mcp.close();
  },
});

const rows = [{ id: 1, account: 'a' }, { id: 2 }];
const text = { csv: 'id,account\n1,a\n2,\n', ndjson: '{"id":1,"account":"a"}\n{"id":2}\n' };
const start = { flow_id: 'echo-all' };

test.for([
  { id_field: 'idd' },
  { id_field: 'idd', batch: { duplicates: 'fail' } },
  { batch: { order_by: 'acount' } },
  { batch: { skip_unchanged: true } },
])('with %j no record has the field that is named, and nothing is started', async (given, { mcp }) => {
  const sources = Object.entries(text).map(([format, content]) => ({
    source: { path: mcp.write(`rows.${format}`, content) },
  }));

  for (const from of [{ records: rows }, ...sources]) {
    for (const tool of ['start_batch', 'preview_batch'])
      await expect(mcp.call(tool, { ...start, ...given, ...from })).rejects.toThrow(
        /no record has a field ".*\(/,
      );
  }
  expect(await mcp.call('list_batch_jobs', {})).toMatchObject({ jobs: [] });
});

test('a field that only some records have may be named, and the one of a flow need not be there', async ({
  mcp,
}) => {
  for (const given of [
    {},
    { batch: { order_by: 'account' } },
    { id_field: 'id', batch: { duplicates: 'skip' } },
  ])
    expect(
      await mcp.call('start_batch', { ...start, ...given, records: rows, allow_repeat: true }),
    ).toHaveProperty('batch_job_id');
});
