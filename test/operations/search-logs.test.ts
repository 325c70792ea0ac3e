import { expect } from 'vitest';
import { createJob } from '../../src/store/create-job.ts';
import type { Database } from '../../src/store/database.ts';
import { searchHistory, searchWindow } from '../../src/store/history.ts';
import { test as base } from '../support/database.ts';
import { failureOf, newJob } from '../support/jobs.ts';
import { type Connected, connect } from '../support/mcp.ts';

const strict = [
  'flow: strict',
  'target: { connector: echo }',
  'mapping:',
  '  email: source.email | trim | required',
  '',
].join('\n');

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

interface Line {
  readonly batch_job_id: string;
  readonly kind: string;
  readonly index?: number;
  readonly at: string;
}

async function runJob(mcp: Connected, emails: readonly string[]): Promise<string> {
  const records = emails.map((email, n) => ({ key: `k-${n}`, email }));
  const started = await mcp.call('start_batch', {
    flow_id: 'strict',
    records,
    id_field: 'key',
    allow_repeat: true,
  });
  await mcp.finish(started.batch_job_id);
  return started.batch_job_id;
}

test('the log of a job has its events, failures and successes, newest first', async ({ mcp }) => {
  const batch_job_id = await runJob(mcp, ['a@b.c', '']);

  const { lines } = await mcp.call('search_logs', { batch_job_id });

  expect(lines.map(({ kind }: Line) => kind).sort()).toEqual(['failed', 'finished', 'started', 'succeeded']);
  expect(lines[0].kind).toBe('finished');
  expect(lines[0].message).toBe(
    'Finished as completed_with_errors: 1 of 2 records succeeded, 1 failed, 0 skipped.',
  );
  expect(lines.at(-1)).toMatchObject({ kind: 'started', batch_job_id });
  expect(lines.find(({ kind }: Line) => kind === 'failed')).toMatchObject({
    index: 1,
    id: 'k-1',
    attempt: 1,
    class: 'data',
    code: 'required_field_missing',
    step: 'email',
  });
});

test('the log of a flow is narrowed by status, time and text in any case of letters', async ({ mcp }) => {
  const batch_job_id = await runJob(mcp, ['', 'a@b.c', '']);
  const search = async (more: object): Promise<Line[]> =>
    (await mcp.call('search_logs', { flow_id: 'strict', ...more })).lines;

  const failed = await search({ status: 'failed', since: '1h', batch_job_id });
  const byCode = await search({ text: 'FIELD_missing', batch_job_id });
  const byOwnId = await search({ text: 'K-2', batch_job_id });
  const nothing = await search({ text: '%' });
  const retriesOnly = await search({ status: 'retried_failed', batch_job_id });
  const later = await search({ since: '2100-01-01T00:00:00Z' });

  expect(failed.map(({ index }) => index).sort()).toEqual([0, 2]);
  expect(byCode).toHaveLength(2);
  expect(byOwnId.map(({ kind, index }) => [kind, index])).toEqual([['failed', 2]]);
  expect([nothing, retriesOnly, later]).toEqual([[], [], []]);
  for (const since of ['yesterday', '5', '2026', '2026-02-30', '2026-13-01', '+012345-01-01T00:00:00Z'])
    await expect(mcp.call('search_logs', { since })).rejects.toThrow(/search_logs: since/);
  await expect(mcp.call('search_logs', { batch_job_id, index: 2 ** 31 })).rejects.toThrow(
    /search_logs: index/,
  );
  await expect(mcp.call('search_logs', { cursor: 'nonsense' })).rejects.toThrow(/cursor/);
});

test('a job of another flow than the one named is refused', async ({ mcp }) => {
  const batch_job_id = await runJob(mcp, ['']);
  const { flow } = await mcp.call('get_batch_status', { batch_job_id });
  const search = (flow_id: string) => mcp.call('search_logs', { flow_id, batch_job_id, index: 0 });

  await expect(search('customers')).rejects.toThrow(
    `search_logs: flow_id: batch job ${batch_job_id} is of the flow strict.`,
  );
  for (const flow_id of ['strict', flow.flow_id]) {
    expect((await search(flow_id)).record).toMatchObject({ index: 0 });
  }
});

test('pages meet without a gap though many lines are of the same moment', async ({ mcp }) => {
  const batch_job_id = await runJob(
    mcp,
    Array.from({ length: 40 }, () => ''),
  );

  const seen: Line[] = [];
  let cursor: string | undefined;
  do {
    const page = await mcp.call('search_logs', {
      batch_job_id,
      limit: 7,
      ...(cursor === undefined ? {} : { cursor }),
    });
    seen.push(...page.lines);
    cursor = page.next_cursor;
  } while (cursor !== undefined);

  expect(seen).toHaveLength(42);
  expect(new Set(seen.map(({ kind, index }) => `${kind} ${index}`)).size).toBe(42);
  expect(seen.map(({ at }) => at)).toEqual(
    seen
      .map(({ at }) => at)
      .sort()
      .reverse(),
  );
});

test('with an index the whole story of one record is told', async ({ db, mcp }) => {
  const batch_job_id = await runJob(mcp, ['', 'a@b.c']);
  await mcp.call('retry_batch_failed_records', { batch_job_id });
  await mcp.finish(batch_job_id);
  const patched = { key: 'k-0', email: 'mended' };
  await db.run(
    (sql) => sql`
      with kept as (
        insert into payload_versions (job_id, idx, revision, payload)
        select job_id, idx, revision, payload from records where job_id = ${batch_job_id} and idx = 0
      )
      update records set revision = 1, payload = ${JSON.stringify(patched)}::text::json
      where job_id = ${batch_job_id} and idx = 0`,
  );

  const { record, lines, next_step } = await mcp.call('search_logs', { batch_job_id, index: 0 });

  expect(record).toMatchObject({
    index: 0,
    id: 'k-0',
    status: 'retried_failed',
    wave: 1,
    attempts: 2,
    patches: 1,
    payload: patched,
    earlier_payloads: [{ revision: 0, payload: { key: 'k-0', email: '' } }],
  });
  expect(lines.map(({ kind, wave }: { kind: string; wave?: number }) => [kind, wave])).toEqual([
    ['retried_failed', 1],
    ['failed', undefined],
  ]);
  expect(next_step).toContain('retry_batch_failed_records');
  const success = await mcp.call('search_logs', { batch_job_id, index: 1 });
  expect(success).toMatchObject({
    record: { status: 'succeeded', result: { email: 'a@b.c' } },
    lines: [{ kind: 'succeeded' }],
  });
  await expect(mcp.call('search_logs', { batch_job_id, index: 2 })).rejects.toThrow(/from 0 to 1/);
  await expect(mcp.call('search_logs', { index: 2 })).rejects.toThrow(/needs batch_job_id/);
});

/** What is told of a record that had these payloads before, the newest first. */
async function storyWith(db: Database, mcp: Connected, earlier: readonly object[], more: object = {}) {
  const batch_job_id = await runJob(mcp, ['a@b.c']);
  for (const [at, payload] of earlier.entries()) {
    const revision = earlier.length - 1 - at;
    await db.run(
      (sql) => sql`
        insert into payload_versions (job_id, idx, revision, payload)
        values (${batch_job_id}, 0, ${revision}, ${JSON.stringify(payload)}::text::json)`,
    );
  }
  return mcp.call('search_logs', { batch_job_id, index: 0, ...more });
}

const words = (count: number) => ({ text: 'alpha '.repeat(count) });

test('earlier payloads are told whole while they fit', async ({ db, mcp }) => {
  const earlier = [words(60), words(50), words(40)];

  const { record, next_step } = await storyWith(db, mcp, earlier);

  expect(record.earlier_payloads).toMatchObject(earlier.map((payload) => ({ payload })));
  expect(next_step).not.toContain('response_format');
});

test('where only a beginning fits, what shows the rest is said', async ({ db, mcp }) => {
  const earlier = [words(50), words(600), words(40)];

  const concise = await storyWith(db, mcp, earlier);
  const detailed = await storyWith(db, mcp, earlier, { response_format: 'detailed' });

  expect(concise.record.earlier_payloads).toMatchObject([
    { payload: earlier[0] },
    { payload_cut: true },
    { payload: earlier[2] },
  ]);
  expect(concise.next_step).toContain('shown with response_format "detailed"');
  expect(detailed.record.earlier_payloads).toMatchObject(earlier.map((payload) => ({ payload })));
  expect(detailed.next_step).not.toContain('response_format');
});

test('rows that fail on their way in are in the log', async ({ db, mcp }) => {
  const path = mcp.write('short.csv', 'key,email\n1,a@b.c\n2\n');
  const { batch_job_id } = await mcp.call('start_batch', { flow_id: 'strict', source: { path } });
  await mcp.finish(batch_job_id);
  const inline = newJob(0, { records: [{ id: 'x', json: '{}', failure: failureOf('data') }] });
  await createJob(db, inline);

  const read = await mcp.call('search_logs', { batch_job_id, status: 'failed' });
  const given = await mcp.call('search_logs', { batch_job_id: inline.id, status: 'failed' });

  expect(read.lines).toMatchObject([{ index: 1, attempt: 0, code: 'row_too_short' }]);
  expect(given.lines).toMatchObject([{ index: 0, id: 'x', attempt: 0, code: 'test_failure' }]);
});

test('a search reads no more than its window, says so, and goes on behind it', async ({ db }) => {
  const job = newJob(1);
  await createJob(db, job);
  const failure = JSON.stringify(failureOf('transient', { untrustedMessage: 'timeout' }));
  await db.run(
    (sql) => sql`
      insert into failed_attempts (job_id, idx, attempt, wave, failure, group_id, failed_at)
      select ${job.id}, 0, n, 0, case when n = 1 then jsonb_set(${failure}::text::jsonb, '{code}', '"needle"')
        else ${failure}::text::jsonb end, 'g', now() - interval '1 day' - (25000 - n) * interval '1 second'
      from generate_series(1, 25000) n`,
  );
  const query = { text: 'needle', withSuccesses: false, limit: 10 };

  const first = await searchHistory(db, query);
  const behind = first.searchedToMicros ?? 0;
  const place = { atMicros: behind, batchJobId: job.id, index: 9, sequence: 2 ** 31 - 1 };
  const second = await searchHistory(db, { ...query, after: place });

  expect(searchWindow).toBeLessThan(25_000);
  expect(first.lines).toEqual([]);
  expect(behind).toBeGreaterThan(0);
  expect(second.lines.map(({ attempt, failure: found }) => [attempt, found?.code])).toEqual([[1, 'needle']]);
  expect(second.searchedToMicros).toBeUndefined();
});

test('the advice about one record can be followed, whatever became of it', async ({ mcp }) => {
  const records = [
    { key: 'a', email: '' },
    { key: 'b', email: 'b@c.d' },
  ];
  const { batch_job_id } = await mcp.call('start_batch', {
    flow_id: 'strict',
    records,
    concurrency: 1,
    batch: { continue_on_error: false },
    allow_repeat: true,
  });
  const { counts } = await mcp.finish(batch_job_id);
  const adviceFor = async (index: number) =>
    (await mcp.call('search_logs', { batch_job_id, index })).next_step as string;

  expect(counts).toMatchObject({ failed: 1, skipped: 1 });
  for (const index of [0, 1]) {
    const call = /retry_batch_failed_records (\{.*\})/.exec(await adviceFor(index))?.[1] ?? '';
    const preview = await mcp.call('retry_batch_failed_records', { ...JSON.parse(call), preview: true });
    expect(preview.selected).toBe(1);
  }
  expect(await adviceFor(1)).toMatch(/^Nothing about this record has been noted\./);
});

test('a search that finds nothing about a record says what made it narrow', async ({ mcp }) => {
  const batch_job_id = await runJob(mcp, ['a@b.c']);

  const { next_step } = await mcp.call('search_logs', { batch_job_id, index: 0, text: 'no such text' });

  expect(next_step).toContain('Leave out status, text or since');
});
