import { expect } from 'vitest';
import { test as base } from '../support/database.ts';
import { type Connected, connect } from '../support/mcp.ts';

const strict = 'flow: strict\ntarget: { connector: echo }\nmapping:\n  email: source.email | required\n';

const test = base.extend<{ mcp: Connected }>({
  mcp: [
    async ({ db }, use) => {
      const connected = await connect(db, { 'strict.yaml': strict });
      await use(connected);
      await connected.close();
    },
    { scope: 'file' },
  ],
});

const job = '0197a4c2-0000-7000-8000-000000000000';
const dashes = '-'.repeat(36);
const coded = (...parts: readonly (number | string)[]) => Buffer.from(parts.join('|')).toString('base64url');

test.for([
  ['search_logs', coded(1, dashes, 0, 0)],
  ['search_logs', coded(1, job.replace(/0$/, '-'), 0, 0)],
  ['search_logs', coded(1, job, 2 ** 31, 0)],
  ['search_logs', coded(1, job, 0, 2 ** 31)],
  ['list_batch_jobs', coded('2026-01-31T08:00:00.000Z', dashes)],
  ['list_batch_jobs', coded('+012345-01-31T08:00:00.000Z', job)],
  ['list_batch_jobs', coded('0000-01-31T08:00:00.000Z', job)],
  ['export_batch_errors', `2026-02-30T08:00:00.000000Z/${job}/0`, { dead_letters: true }],
  ['export_batch_errors', `0000-01-31T08:00:00.000000Z/${job}/0`, { dead_letters: true }],
  ['export_batch_errors', `2026-01-31T08:00:00.000000Z/${dashes}/0`, { dead_letters: true }],
] as const)('%s refuses a mangled cursor in words: %s', async ([tool, cursor, more = {}], { mcp }) => {
  await expect(mcp.call(tool, { ...more, cursor })).rejects.toThrow(
    `${tool}: cursor: not a next_cursor of an earlier answer`,
  );
});

test.for([
  ['export_batch_errors', 'cursor'],
  ['export_batch_errors', 'groups_cursor'],
  ['export_batch_results', 'cursor'],
] as const)('%s refuses a %s that no record can have', async ([tool, name], { mcp }) => {
  const { batch_job_id } = await mcp.call('start_batch', {
    flow_id: 'strict',
    records: [{ email: '' }],
    allow_repeat: true,
  });

  await expect(mcp.call(tool, { batch_job_id, [name]: '2147483648' })).rejects.toThrow(
    `${tool}: ${name}: not a next_${name} of an earlier answer`,
  );
});

test('the cursors of search_logs and list_batch_jobs lead on', async ({ mcp }) => {
  for (const email of ['', 'a@b.c']) {
    const { batch_job_id } = await mcp.call('start_batch', {
      flow_id: 'strict',
      records: [{ email }],
      allow_repeat: true,
    });
    await mcp.finish(batch_job_id);
  }

  for (const [tool, list] of [
    ['search_logs', 'lines'],
    ['list_batch_jobs', 'jobs'],
  ] as const) {
    const { next_cursor: cursor } = await mcp.call(tool, { limit: 1 });
    expect((await mcp.call(tool, { limit: 1, cursor }))[list]).toHaveLength(1);
  }
});
