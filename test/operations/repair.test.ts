import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import { createJob } from '../../src/store/create-job.ts';
import { test as base } from '../support/database.ts';
import { failureOf, newJob } from '../support/jobs.ts';
import { type Connected, connect } from '../support/mcp.ts';
import { startTarget, status } from '../support/target.ts';

const lines = (...text: string[]) => `${text.join('\n')}\n`;

const flows = {
  'book.yaml': lines(
    'flow: book',
    'version: 1',
    'target: { connector: echo }',
    'redact: [iban]',
    'mapping:',
    '  name: source.name | trim | required',
    '  amount: source.amount | number | required',
    '  phone: source.phone',
    'on_error: { retry: none, then: dead-letter }',
  ),
  ...Object.fromEntries(
    ['post', 'Post', 'Bücher'].map((name, n) => [
      `mail-${n}.yaml`,
      lines(
        `flow: ${name}`,
        'target: { connector: echo }',
        'mapping: { to: source.to | required }',
        'on_error: { retry: none, then: dead-letter }',
      ),
    ]),
  ),
};

const test = base.extend<{ mcp: Connected }>({
  mcp: async ({ db }, use) => {
    const connected = await connect(db, flows);
    await use(connected);
    await connected.close();
  },
});

/** Runs rows through the flow to their end; those without an amount that is a number fail. */
async function booked(mcp: Connected, records: readonly object[], more: object = {}) {
  const given = records.length === 0 ? {} : { records };
  const { batch_job_id } = await mcp.call('start_batch', { flow_id: 'book', ...given, ...more });
  return mcp.finish(batch_job_id);
}

const row = (n: number, amount: unknown = 'many') => ({
  name: `n${n}`,
  amount,
  phone: `+49 ${n}`,
  iban: `DE${n}${n}${n}`,
});

test('a correction by set reaches only what fits, keeps the payload before, and raises the revision', async ({
  mcp,
  db,
}) => {
  const { batch_job_id } = await booked(mcp, [row(0), row(1), row(2, 5), row(3), { amount: 'x' }]);
  const select = { where: 'has(record.phone) && record.phone != "+49 3"' };
  const patch = { set: { amount: 7, phone: 'payload.phone | replace(" ", "")', 'address.city': 'Berlin' } };

  const shown = await mcp.call('retry_batch_failed_records', { batch_job_id, select, patch, preview: true });
  const before = await mcp.call('get_batch_status', { batch_job_id });
  const begun = await mcp.call('retry_batch_failed_records', { batch_job_id, select, patch });
  const status = await mcp.finish(batch_job_id);

  expect(shown).toMatchObject({ selected: 2, patched: 2, status: 'completed_with_errors', wave: 0 });
  expect(shown.preview[0]).toEqual({
    index: 0,
    before: { ...row(0), iban: '[redacted]' },
    after: { ...row(0), amount: 7, phone: '+490', iban: '[redacted]', address: { city: 'Berlin' } },
  });
  expect(before.counts).toMatchObject({ succeeded: 1, failed: 4 });
  expect(begun).toMatchObject({ selected: 2, patched: 2, wave: 1 });
  expect(status.counts).toMatchObject({ succeeded: 1, failed: 2, retried_success: 2 });
  const kept = await db.run(
    (sql) => sql`
      select idx, versions.revision, versions.payload->>'amount' as amount, records.revision as now,
        records.payload->>'iban' as iban
      from payload_versions versions join records using (job_id, idx) where job_id = ${batch_job_id} order by idx`,
  );
  expect([...kept]).toEqual([
    { idx: 0, revision: 0, amount: 'many', now: 1, iban: 'DE000' },
    { idx: 1, revision: 0, amount: 'many', now: 1, iban: 'DE111' },
  ]);
  expect(await db.run((sql) => sql`select count(*)::int as count from staged_patches`)).toMatchObject([
    { count: 0 },
  ]);
});

test('a patch that does not work out for one record changes nothing at all', async ({ mcp }) => {
  const { batch_job_id } = await booked(mcp, [row(0), { name: 'a' }, row(2)]);
  const retry = (patch: object) => mcp.call('retry_batch_failed_records', { batch_job_id, patch });

  await expect(retry({ json_patch: [{ op: 'replace', path: '/amount', value: 1 }] })).rejects.toThrow(
    /1 records or rows do not work out: record 1: replace \/amount .*Nothing was changed/,
  );
  await expect(retry({ json_patch: [{ op: 'add', path: '/toString/call', value: 1 }] })).rejects.toThrow(
    /leads nowhere/,
  );
  await expect(retry({ set: { 'name.first': 'A' } })).rejects.toThrow(
    /record 0: set name\.first: name is a value without fields; record 1.*Nothing was changed/,
  );
  await expect(retry({ set: { amount: 'payload.amont | nuber' } })).rejects.toThrow(
    /unknown transform "nuber"/,
  );
  await expect(retry({ set: { note: 'x'.repeat(1024 * 1024) } })).rejects.toThrow(/at most 1048576/);
  await expect(retry({ json_patch: [{ op: 'replace', path: 'amount', value: 1 }] })).rejects.toThrow(
    'patch.json_patch[0]: path "amount" is no JSON pointer; it begins with /, such as /email. Nothing was changed.',
  );
  await expect(
    retry({
      json_patch: [
        { op: 'test', path: '/name', value: 'a' },
        { op: 'move', path: '/name' },
      ],
    }),
  ).rejects.toThrow('patch.json_patch[1]: move needs from, such as "/old_name". Nothing was changed.');
  await expect(retry({ json_patch: [{ op: 'copy', path: '/name', from: 'nme' }] })).rejects.toThrow(
    /from "nme" is no JSON pointer/,
  );
  await expect(retry({ json_patch: [{ op: 'add', path: '/name' }] })).rejects.toThrow(
    'patch.json_patch[0]: add needs value. Nothing was changed.',
  );
  await expect(retry({ set: { amount: 1 }, json_patch: [] })).rejects.toThrow(/patch/);

  expect(await mcp.call('get_batch_status', { batch_job_id })).toMatchObject({
    wave: 0,
    counts: { failed: 3 },
  });
});

test('a corrected export repairs exactly its records, and touches no other cell', async ({ mcp, db }) => {
  mcp.write(
    'in.csv',
    lines(
      'name;amount;phone;iban',
      'a;many;+49 1;DE1',
      'b;few;007;DE2',
      'c;3;-5;DE3',
      'd;none;=1+1;DE4',
      'e',
    ),
  );
  const { batch_job_id } = await booked(mcp, [], { source: { path: join(mcp.folder, 'in.csv') } });
  const { files, errors } = await mcp.call('export_batch_errors', { batch_job_id });
  const [header, a, b, , e] = readFileSync(files.csv.path, 'utf8').trimEnd().split('\n');
  const path = join(mcp.folder, 'corrected.csv');
  const retry = (text: string, more: object = {}) => {
    writeFileSync(path, text);
    return mcp.call('retry_batch_failed_records', { batch_job_id, patch: { source: { path } }, ...more });
  };

  await expect(retry(lines(header!, a!, ',,,,,,,,', b!))).rejects.toThrow(
    /line 3: has no _index.*Nothing was changed/,
  );
  await expect(retry(lines(header!, a!, a!))).rejects.toThrow(/line 3: record 0 stands in the file twice/);
  const mended = lines(
    header!,
    a!.replace('many', '1'),
    b!.replace('few', '2'),
    e!.replace(/^e,,,/, 'e,5,,'),
    a!.replace(',0,failed', ',2,failed'),
  );
  const begun = await retry(mended);
  const status = await mcp.finish(batch_job_id);

  expect(header).toBe('\ufeffname,amount,phone,iban,_index,_status,_error_class,_error_code,_error');
  expect(errors[0].payload.iban).toBe('[redacted]');
  expect(begun).toMatchObject({ selected: 3, patched: 3, not_found: { in_file: ['2'] } });
  expect(status.counts).toMatchObject({ succeeded: 1, retried_success: 3, failed: 1 });
  const payloads = await db.run(
    (sql) => sql`select payload from records where job_id = ${batch_job_id} order by idx`,
  );
  expect(payloads.map(({ payload }) => payload)).toEqual([
    { name: 'a', amount: '1', phone: '+49 1', iban: 'DE1' },
    { name: 'b', amount: '2', phone: '007', iban: 'DE2' },
    { name: 'c', amount: '3', phone: '-5', iban: 'DE3' },
    { name: 'd', amount: 'none', phone: '=1+1', iban: 'DE4' },
    { name: 'e', amount: '5', phone: '', iban: '' },
  ]);
});

test('a row that is too short is exported with the columns that it lacks', async ({ mcp }) => {
  const path = mcp.write('short.csv', lines('name,amount,phone,iban', 'a,1,2,DE1', 'b,2'));
  const { batch_job_id } = await booked(mcp, [], { source: { path } });

  const { files } = await mcp.call('export_batch_errors', { batch_job_id });

  expect(readFileSync(files.csv.path, 'utf8').split('\n')).toEqual([
    '\ufeffname,amount,phone,iban,_index,_status,_error_class,_error_code,_error',
    'b,2,,,1,failed,data,row_too_short,"Line 3 has 2 cells; the header has 4."',
    '',
  ]);
});

test.for(['csv', 'ndjson'] as const)(
  'two people correct the same %s export one after the other, and neither undoes what the other has done',
  async (format, { mcp, db }) => {
    const { batch_job_id } = await booked(mcp, [row(0), row(1)]);
    const { files } = await mcp.call('export_batch_errors', { batch_job_id });
    const exported = readFileSync(files[format].path, 'utf8');
    const giveBack = async (text: string) => {
      const path = mcp.write(`mine.${format}`, text);
      const begun = await mcp.call('retry_batch_failed_records', {
        batch_job_id,
        patch: { source: { path } },
      });
      await mcp.finish(batch_job_id);
      return begun.patched;
    };
    const payload = async () => {
      const [found] = await db.run(
        (sql) => sql`select payload from records where job_id = ${batch_job_id} and idx = 0`,
      );
      return found?.payload;
    };

    const ones = await giveBack(exported.replace('+49 0', '+43 0'));
    const untouched = await giveBack(exported);
    const others = await giveBack(exported.replace('n0', 'new'));
    const again = await giveBack(exported.replace('+49 0', '+41 0').replace('n0', 'new'));

    expect([ones, untouched, others, again]).toEqual([1, 0, 1, 1]);
    expect(await payload()).toEqual({ ...row(0), name: 'new', phone: '+41 0' });
  },
);

test('a row that could not be read goes nowhere without a correction', async ({ mcp }) => {
  mcp.write('in.ndjson', lines('{"name": "a", "amount": 1}', '{"name": "b", "amount"', '{"name": "c"}'));
  const { batch_job_id } = await booked(mcp, [], { source: { path: join(mcp.folder, 'in.ndjson') } });

  const { errors } = await mcp.call('export_batch_errors', { batch_job_id });
  const changed = async (patch: object) =>
    mcp.call('retry_batch_failed_records', { batch_job_id, patch, preview: true });
  const patched = [
    await changed({ set: { name: 'x', amount: 5 } }),
    await changed({ json_patch: [{ op: 'replace', path: '/name', value: 'x' }] }),
  ];
  const plain = await mcp.call('retry_batch_failed_records', { batch_job_id });
  await mcp.finish(batch_job_id);
  const path = mcp.write('mended.ndjson', lines('{"_index": 1, "name": "b", "amount": 2}'));
  const inPlaceholder = mcp.write('text.csv', '_index,_text\n1,"{""name"": ""b"", ""amount"": 2}"\n');
  const misplaced = changed({ source: { path: inPlaceholder } });
  await expect(misplaced).rejects.toThrow(/line 2: what stands in _text shows what could not be read/);
  const blank = mcp.write('blank.csv', 'name,amount,_index\n,,1\n');
  await expect(changed({ source: { path: blank } })).rejects.toThrow('could not be taken');
  const begun = await mcp.call('retry_batch_failed_records', { batch_job_id, patch: { source: { path } } });
  const status = await mcp.finish(batch_job_id);
  const { results } = await mcp.call('export_batch_results', { batch_job_id, statuses: ['retried_success'] });

  expect(errors.map((error: { dead_letter?: boolean }) => error.dead_letter)).toEqual([true, true]);
  expect(patched).toMatchObject([
    { selected: 1, patched: 1, left_out: 1 },
    { selected: 1, patched: 1, left_out: 1 },
  ]);
  expect(plain).toMatchObject({ selected: 1, left_out: 1 });
  expect(begun).toMatchObject({ selected: 1, patched: 1 });
  expect(status.counts).toMatchObject({ succeeded: 1, retried_success: 1, retried_failed: 1 });
  expect(results[0].result).toMatchObject({ name: 'b', amount: 2 });
});

test('a row with the id of an earlier one was read, and is corrected like any other', async ({ mcp }) => {
  const records = [row(1, 1), row(1, 2)];
  const { error_groups, batch_job_id } = await booked(mcp, records, {
    id_field: 'name',
    batch: { duplicates: 'fail' },
  });

  const plain = mcp.call('retry_batch_failed_records', { batch_job_id });
  await expect(plain).rejects.toThrow('1 of them could not be taken from the source as they are');
  const other = { batch_job_id, patch: { set: { note: 'x' } }, preview: true };
  await expect(mcp.call('retry_batch_failed_records', other)).rejects.toThrow('could not be taken');
  const patch = { set: { name: 'n2' } };
  await mcp.call('retry_batch_failed_records', { batch_job_id, patch });
  const status = await mcp.finish(batch_job_id);

  expect(error_groups[0]).toMatchObject({ code: 'duplicate_id' });
  expect(error_groups[0].next_step).toMatch(/^An earlier row has the same id\. .* correct the id with patch/);
  expect(status.counts).toMatchObject({ succeeded: 1, retried_success: 1 });
});

test('no patch gives a record the id of another one, where each id may come once', async ({ mcp }) => {
  const rules = { id_field: 'name', batch: { duplicates: 'fail' } };
  const { batch_job_id } = await booked(mcp, [row(1, 1), row(2), row(3)], rules);
  const give = (names: string) => {
    const path = mcp.write('ids.csv', `_index,name,amount\n${names}`);
    return mcp.call('retry_batch_failed_records', { batch_job_id, patch: { source: { path } } });
  };

  await expect(give('1,n1,1\n2,n3,1\n')).rejects.toThrow(
    /record 1: has the id of record 0 now, and each id may come once.*Nothing was changed/,
  );
  await expect(give('1,n4,1\n2,n4,1\n')).rejects.toThrow(/record 2: has the id of record 1 now/);
  await give('1,n3,1\n2,n2,1\n');
  expect((await mcp.finish(batch_job_id)).counts).toMatchObject({ succeeded: 1, retried_success: 2 });
});

test('records whose call was answered are looked for at the target before they are corrected and sent again', async ({
  db,
}) => {
  const target = await startTarget({ answer: () => ({ kind: 'page' }) });
  const text = flows['book.yaml'].replace('connector: echo', 'connector: crm, endpoint: /x, method: POST');
  const mcp = await connect(db, {
    'book.yaml': `${text}result: { id: response.id | required }\n`,
    'connectors.yaml': `crm: { type: http, base_url: "${target.url}", allow_private: true }\n`,
  });

  const { error_groups } = await booked(mcp, [row(0, 1), row(1, 1)]);

  expect(error_groups).toMatchObject([{ error_class: 'data', count: 2, maybe_applied: 2 }]);
  expect(error_groups[0].next_step).toMatch(/Some calls may have arrived: look there first\.$/);
  await mcp.close();
  await target.close();
});

test('what a deletion did not find needs nothing more', async ({ db }) => {
  const target = await startTarget({ answer: () => status(404) });
  const mcp = await connect(db, {
    'book.yaml': 'flow: book\ntarget: { connector: crm, endpoint: "/x/{{ source.name }}", method: DELETE }\n',
    'connectors.yaml': `crm: { type: http, base_url: "${target.url}", allow_private: true }\n`,
  });

  const { error_groups } = await booked(mcp, [row(0), row(1)]);

  expect(error_groups).toMatchObject([{ code: 'http_404', count: 2 }]);
  expect(error_groups[0].next_step).toMatch(/^Nothing to do if these were to be gone/);
  await mcp.close();
  await target.close();
});

test.for([
  [404, 'Look at the address and the method that the message names'],
  [405, 'Look at the address and the method that the message names'],
  [303, 'The target has most likely done what was asked'],
  [301, 'Have the person mend the address'],
  [422, 'Correct the values with patch'],
] as const)(
  'what helps against %i is not sought in values that may be right',
  async ([code, advice], { db }) => {
    const target = await startTarget({ answer: () => status(code, null, { location: '/there' }) });
    const mcp = await connect(db, {
      'book.yaml': 'flow: book\ntarget: { connector: crm, endpoint: /x }\n',
      'connectors.yaml': `crm: { type: http, base_url: "${target.url}", allow_private: true }\n`,
    });

    const { error_groups } = await booked(mcp, [row(0)]);

    expect(
      error_groups.map(({ next_step }: { next_step: string }) => next_step.slice(0, advice.length)),
    ).toEqual([advice]);
    await mcp.close();
    await target.close();
  },
);

test('records that were cut off and skipped are named, and can be left out when the rest goes on', async ({
  db,
}) => {
  const target = await startTarget({ answer: () => ({ kind: 'hang' }) });
  const text = flows['book.yaml'].replace('connector: echo', 'connector: crm, endpoint: /x, method: POST');
  const mcp = await connect(db, {
    'book.yaml': text,
    'connectors.yaml': `crm: { type: http, base_url: "${target.url}", allow_private: true }\n`,
  });
  const records = [row(0, 1), row(1, 1), row(2, 1), row(3, 1)];
  const started = { flow_id: 'book', records, id_field: 'name', concurrency: 2 };
  const { batch_job_id } = await mcp.call('start_batch', started);
  await expect.poll(() => target.hits.length).toBe(2);

  await mcp.call('update_batch', { batch_job_id, action: 'pause' });
  const retry = mcp.call('retry_batch_failed_records', { batch_job_id });
  await expect(retry).rejects.toThrow(/is paused.*"action": "resume".*Nothing was changed/);
  await mcp.call('update_batch', { batch_job_id, action: 'cancel', now: true });
  const status = await mcp.finish(batch_job_id);
  const { lines } = await mcp.call('search_logs', { batch_job_id, index: 0 });
  const others = await mcp.call('retry_batch_failed_records', {
    batch_job_id,
    select: { statuses: ['skipped'], maybe_applied: false },
    preview: true,
  });

  expect(status).toMatchObject({ status: 'cancelled', counts: { skipped: 4 }, maybe_applied: 2 });
  expect(status.may_have_arrived).toEqual({
    count: 2,
    first: [
      { index: 0, id: 'n0', status: 'skipped' },
      { index: 1, id: 'n1', status: 'skipped' },
    ],
  });
  expect(status.next_step).toContain('goes on with the 4 skipped records. Of 2 of them the call may have');
  expect(lines[0]).toMatchObject({ kind: 'failed', code: 'cut_off', maybe_applied: true });
  expect(lines[0]).not.toHaveProperty('attempt');
  expect(others.preview.map(({ index }: { index: number }) => index)).toEqual([2, 3]);
  await mcp.close();
  await target.close();
});

test('the job goes on with the flow as it is now when that is asked for', async ({ mcp }) => {
  const { batch_job_id } = await booked(mcp, [row(0), row(1)]);
  mcp.write(
    'flows/book.yaml',
    flows['book.yaml'].replace('source.amount | number | required', 'source.amount'),
  );

  await mcp.call('retry_batch_failed_records', { batch_job_id, select: { indexes: [0] } });
  const same = await mcp.finish(batch_job_id);
  const begun = await mcp.call('retry_batch_failed_records', { batch_job_id, flow_version: 'latest' });
  const latest = await mcp.finish(batch_job_id);

  expect(same.counts).toMatchObject({ failed: 1, retried_failed: 1 });
  expect(latest.counts).toMatchObject({ retried_success: 2 });
  expect(begun.flow.revision).not.toBe(same.flow.revision);
  expect(latest.flow.revision).toBe(begun.flow.revision);
});

test('a corrected id is the own id of the record from then on, and a hidden one stays hidden', async ({
  mcp,
}) => {
  const source = { path: mcp.write('ids.csv', 'name,amount,phone,iban\nold,x,1,DE1\nshort\n') };
  const byName = await booked(mcp, [], { source, id_field: 'name' });
  const byIban = await booked(mcp, [row(0)], { id_field: 'iban' });
  const retry = (batch_job_id: string, patch: object) =>
    mcp.call('retry_batch_failed_records', { batch_job_id, patch });
  const path = mcp.write('renamed.csv', 'name,amount,_index\nnew,1,0\nwhole,2,1\n');

  await retry(byName.batch_job_id, { source: { path } });
  await retry(byIban.batch_job_id, { set: { iban: 'DE999', amount: 1 } });
  await mcp.finish(byName.batch_job_id);
  await mcp.finish(byIban.batch_job_id);
  const named = await mcp.call('export_batch_results', { batch_job_id: byName.batch_job_id });
  const hidden = await mcp.call('export_batch_results', { batch_job_id: byIban.batch_job_id });

  expect(named.results.map(({ id }: { id: string }) => id)).toEqual(['new', 'whole']);
  expect(hidden.results[0].id).toMatch(/^redacted-[0-9a-f]{24}$/);
  expect(hidden.results[0].id).not.toBe(byIban.error_groups[0].samples[0].id);
});

test('a corrected field that orders records counts as it is from then on', async ({ mcp, db }) => {
  const rows = ['a', 'b', 'c'].map((account, n) => ({ ...row(n), account }));
  const { batch_job_id } = await booked(mcp, rows, { order_by: 'account' });
  const patch = { set: { amount: 1, account: 'b' } };

  await mcp.call('retry_batch_failed_records', { batch_job_id, patch });
  await mcp.finish(batch_job_id);

  const keys = await db.run(
    (sql) => sql`select order_key from records where job_id = ${batch_job_id} order by idx`,
  );
  expect(keys.map(({ order_key }) => order_key)).toEqual(['b', 'b', 'b']);
});

test('a row that could not be read takes its place in the order when it is corrected', async ({
  mcp,
  db,
}) => {
  const path = mcp.write('ordered.csv', lines('name,amount,account', 'a,1,k', 'b,2,k,more', 'c,x,k'));
  const { batch_job_id } = await booked(mcp, [], { source: { path }, order_by: 'account' });
  const corrected = mcp.write('mended.csv', lines('_index,name,amount,account,_cell_4', '1,b,2,k,'));

  await mcp.call('retry_batch_failed_records', { batch_job_id, patch: { source: { path: corrected } } });
  const status = await mcp.finish(batch_job_id);

  const keys = await db.run(
    (sql) => sql`select order_key from records where job_id = ${batch_job_id} order by idx`,
  );
  expect(keys.map(({ order_key }) => order_key)).toEqual(['k', 'k', 'k']);
  expect(status.counts).toMatchObject({ succeeded: 1, retried_success: 1, failed: 1 });
});

test('names that fit nothing are told, and refused when nothing else fits', async ({ mcp }) => {
  const { batch_job_id } = await booked(mcp, [row(0), row(1, 1)], { id_field: 'name' });
  const select = { ids: ['n0', 'n1', 'nobody'] };

  await expect(
    mcp.call('retry_batch_failed_records', { batch_job_id, select: { ids: ['nobody'], group_ids: ['g0'] } }),
  ).rejects.toThrow(/Not among them: group_ids: g0; ids: nobody/);
  const begun = await mcp.call('retry_batch_failed_records', { batch_job_id, select });

  expect(begun).toMatchObject({ selected: 1, not_found: { ids: ['n1', 'nobody'] } });
  await mcp.finish(batch_job_id);
});

test('of two retries at once one begins, and the other is told so and changes nothing', async ({
  mcp,
  db,
}) => {
  const { batch_job_id } = await booked(mcp, [row(0), row(1)]);
  const retry = (amount: number) =>
    mcp.call('retry_batch_failed_records', { batch_job_id, patch: { set: { amount } } });

  const both = await Promise.allSettled([retry(1), retry(2)]);
  const status = await mcp.finish(batch_job_id);

  const begun = both.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  expect(begun).toMatchObject([{ selected: 2, wave: 1 }]);
  expect(String(both.find((one) => one.status === 'rejected')?.reason)).toMatch(/Nothing was changed/);
  expect(status).toMatchObject({ wave: 1, counts: { retried_success: 2 } });
  const revisions = await db.run(
    (sql) =>
      sql`select distinct revision, payload->>'amount' as amount from records where job_id = ${batch_job_id}`,
  );
  expect(revisions).toHaveLength(1);
});

test('an expression that cannot be decided chooses nothing and says so', async ({ mcp }) => {
  const { batch_job_id } = await booked(mcp, [row(0), { ...row(1), vip: 'yes' }]);
  const retry = (where: unknown) =>
    mcp.call('retry_batch_failed_records', { batch_job_id, select: { where }, preview: true });

  await expect(retry('record.vipp == "yes"')).rejects.toThrow(/could not be decided for 2 of them/);
  await expect(retry('record.vip ==')).rejects.toThrow(/select\.where: .*Nothing was changed/);
  expect(await retry('record.vip == "yes"')).toMatchObject({ selected: 1 });
  expect(await retry({ name: ['n1', 'n7'], 'vip.no': null })).toMatchObject({ selected: 1 });
});

test('dead letters are found across jobs, sent again, and given up', async ({ mcp }) => {
  const [one, two] = [await booked(mcp, [row(0), row(1)]), await booked(mcp, [row(2)])];
  const list = (more: object = {}) =>
    mcp.call('export_batch_errors', { dead_letters: true, flow_id: 'book', ...more });
  const mine = (answer: { errors: { batch_job_id: string; index: number }[] }) =>
    answer.errors
      .filter((error) => [one.batch_job_id, two.batch_job_id].includes(error.batch_job_id))
      .map((error) => [error.batch_job_id, error.index]);

  const first = await list({ limit: 1 });
  const all = mine(await list({ limit: 100 }));
  const next = await list({ limit: 1, cursor: first.next_cursor });
  await mcp.call('retry_batch_failed_records', {
    batch_job_id: one.batch_job_id,
    select: { dead_letters: true, indexes: [0] },
    patch: { set: { amount: 1 } },
  });
  await mcp.finish(one.batch_job_id);
  const dropped = await mcp.call('update_batch', {
    batch_job_id: two.batch_job_id,
    drop_dead_letters: 'all',
  });
  const left = mine(await list({ limit: 100 }));

  expect(all.at(0)).toEqual([two.batch_job_id, 0]);
  expect(all).toHaveLength(3);
  expect(mine(first)).toEqual([[two.batch_job_id, 0]]);
  expect(next.errors[0]).toMatchObject({ batch_job_id: one.batch_job_id, flow: 'book', dead_letter: true });
  expect(readFileSync(first.files.csv.path, 'utf8')).toContain('_batch_job_id');
  expect(dropped).toMatchObject({ dropped: 1, counts: { failed: 1 } });
  expect(left).toEqual([[one.batch_job_id, 1]]);
  await expect(
    mcp.call('update_batch', { batch_job_id: two.batch_job_id, drop_dead_letters: 'all' }),
  ).rejects.toThrow(/no dead letters/);
});

test('dead letters of one flow have files that those of another do not overwrite', async ({ mcp }) => {
  const names = ['post', 'Post', 'Bücher'];
  for (const flow_id of names) {
    await mcp.finish((await mcp.call('start_batch', { flow_id, records: [{ of: flow_id }] })).batch_job_id);
  }
  const list = async (more: object) =>
    (await mcp.call('export_batch_errors', { dead_letters: true, ...more })).files.ndjson.path as string;

  const paths = await Promise.all(names.map((flow_id) => list({ flow_id })));
  const ofAll = await list({});

  const flowsIn = (path: string) => [
    ...new Set(
      readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).flow),
    ),
  ];
  expect(paths.map(flowsIn)).toEqual(names.map((name) => [name]));
  expect(flowsIn(ofAll)).toEqual(expect.arrayContaining(names));
  const folded = [...paths, ofAll].map((path) => basename(path).toLowerCase());
  expect(new Set(folded).size).toBe(4);
  expect(folded.every((name) => /^dead-letters[a-z0-9.-]*\.ndjson$/.test(name))).toBe(true);
});

test('results come in the order of the input, page by page and as files', async ({ mcp }) => {
  const { batch_job_id } = await booked(mcp, [row(0, 1), row(1), row(2, 3), row(3, 4)]);

  const first = await mcp.call('export_batch_results', { batch_job_id, limit: 2 });
  const second = await mcp.call('export_batch_results', {
    batch_job_id,
    limit: 2,
    cursor: first.next_cursor,
  });

  expect([...first.results, ...second.results].map(({ index }) => index)).toEqual([0, 2, 3]);
  expect(first).toMatchObject({ total: 3, finished: true });
  const [header, line] = readFileSync(first.files.csv.path, 'utf8').split('\n');
  expect(header).toMatch(/^\ufeffname,amount,phone,iban,result\..*_index,_status$/);
  expect(line).toMatch(/^n0,1,'\+49 0,\[redacted\],/);
  const { contents } = await mcp.client.readResource({ uri: first.files.ndjson.uri });
  expect(contents[0]).toMatchObject({ text: readFileSync(first.files.ndjson.path, 'utf8') });
  expect(JSON.parse(readFileSync(first.files.json.path, 'utf8'))).toHaveLength(3);
});

test('what a flow reads and no record can have is mended in the flow, and other causes in the records', async ({
  mcp,
}) => {
  mcp.write(
    'flows/wrong.yaml',
    lines('flow: wrong', 'steps:', '  - { type: echo, message: hi, when: record.amount > 1 }'),
  );
  const ofFlow = await booked(mcp, [{ name: 'n' }], { flow_id: 'wrong' });
  const ofRecords = await booked(mcp, [row(0)]);

  expect(ofFlow.error_groups).toMatchObject([
    {
      code: 'condition_failed',
      next_step: expect.stringMatching(/^Mend the flow .*"flow_version": "latest"/),
    },
  ]);
  expect(ofRecords.error_groups).toMatchObject([
    { code: 'number_expected', next_step: expect.stringMatching(/^Correct the values with patch/) },
  ]);
});

test('the records of one cause come without the other causes, which would take their room', async ({
  mcp,
}) => {
  const { batch_job_id, error_groups } = await booked(mcp, [row(0), { name: 'n' }, { amount: 1 }, row(1)]);
  const [first] = error_groups;

  const page = await mcp.call('export_batch_errors', { batch_job_id, group_id: first.group_id });

  expect(error_groups.length).toBeGreaterThan(1);
  expect(page).toMatchObject({ total_failed: 4, groups: [first], errors: [{ index: 0 }, { index: 3 }] });
  expect(page.next_groups_cursor).toBeUndefined();
});

test('the causes that do not fit are counted, and come on pages of their own', async ({ mcp, db }) => {
  const records = Array.from({ length: 28 }, (_, n) => ({
    id: `id-${n}`,
    json: JSON.stringify({ n }),
    // One of the first cause, two of the second, and so on.
    failure: failureOf('data', { code: `cause_${Math.floor((Math.sqrt(8 * n + 1) - 1) / 2)}` }),
  }));
  const job = newJob(0, { records });
  await createJob(db, { ...job, flow: { ...job.flow, revision: 'book', text: flows['book.yaml'] } });

  const status = await mcp.call('get_batch_status', { batch_job_id: job.id });
  const sizes: number[] = [];
  let page = await mcp.call('export_batch_errors', { batch_job_id: job.id });
  for (;;) {
    sizes.push(...page.groups.map(({ count }: { count: number }) => count));
    const { next_groups_cursor: groups_cursor } = page;
    if (groups_cursor === undefined) break;
    page = await mcp.call('export_batch_errors', { batch_job_id: job.id, groups_cursor });
  }

  const shown = sizes.slice(0, status.error_groups.length).reduce((sum, size) => sum + size, 0);
  expect(status.more_error_groups).toEqual({ groups: 7 - status.error_groups.length, failures: 28 - shown });
  expect(status.error_groups[0]).toMatchObject({
    count: 7,
    share: 0.25,
    code: 'cause_6',
    samples: [
      { index: 21, id: 'id-21' },
      { index: 22, id: 'id-22' },
      { index: 23, id: 'id-23' },
    ],
  });
  expect(sizes).toEqual([7, 6, 5, 4, 3, 2, 1]);
});
