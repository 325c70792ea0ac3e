import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type CallToolResult, CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';
import { operations } from '../../src/operations/operations.ts';
import { test as base } from '../support/database.ts';
import { type Connected, connect } from '../support/mcp.ts';

const echoFlow = 'flow: echo-all\nversion: 1\ntarget: { connector: echo }\n';
const strictFlow = [
  'flow: strict',
  'version: 2',
  'description: Wants an email',
  'target: { connector: echo }',
  'mapping:',
  '  email: source.email | trim | lowercase | required',
  '',
].join('\n');

const test = base.extend<{ mcp: Connected }>({
  mcp: async ({ db }, use) => {
    const connected = await connect(db, { 'echo-all.yaml': echoFlow, 'strict.yaml': strictFlow });
    await use(connected);
    await connected.close();
  },
});

const rows = (count: number) => Array.from({ length: count }, (_, n) => ({ n, email: `${n}@example.com` }));

test('tools/list equals the committed snapshot', async ({ mcp }) => {
  const { tools } = await mcp.client.listTools();

  await expect(`${JSON.stringify(tools, null, 2)}\n`).toMatchFileSnapshot('tools.json');
});

test('every tool says all four hints, describes its parameters, and is short', async ({ mcp }) => {
  const { tools } = await mcp.client.listTools();

  for (const { name, description, annotations, inputSchema } of tools) {
    expect(Object.keys(annotations ?? {}).sort(), name).toEqual([
      'destructiveHint',
      'idempotentHint',
      'openWorldHint',
      'readOnlyHint',
      'title',
    ]);
    expect(description?.length, name).toBeLessThan(1024);
    expect(inputSchema, name).toMatchObject({ type: 'object', additionalProperties: false });
  }
  // About four characters make a token; the list is in every conversation.
  expect(JSON.stringify(tools).length).toBeLessThan(40_000);
});

test('the server says what it is for', async ({ mcp }) => {
  expect(mcp.client.getInstructions()).toContain('get_batch_status');
});

test('records given inline go through the flow and both halves of an answer say the same', async ({
  mcp,
}) => {
  const started = (await mcp.client.callTool({
    name: 'start_batch',
    arguments: { flow_id: 'echo-all', records: rows(25), concurrency: 3 },
  })) as CallToolResult;

  const [text] = started.content;
  expect(JSON.parse(text?.type === 'text' ? text.text : '')).toEqual(started.structuredContent);
  expect(started.structuredContent).toMatchObject({
    total: 25,
    replayed: false,
    flow: { name: 'echo-all', version: 1 },
    next_step: expect.stringContaining('get_batch_status'),
  });
  const status = await mcp.finish(started.structuredContent?.batch_job_id as string);
  expect(status).toMatchObject({
    status: 'completed',
    processed: 25,
    failed_now: 0,
    percent: 100,
    error_groups: [],
  });
  expect(status.counts).toMatchObject({ succeeded: 25 });
});

test('a CSV by path is read, and its bad rows fail alone with their line', async ({ mcp }) => {
  const path = mcp.write('people.csv', 'name,email\nAda,ADA@example.com\nBob\nCy,cy@example.com\nDee,\n');

  const { batch_job_id } = await mcp.call('start_batch', { flow_id: 'strict', source: { path } });
  const status = await mcp.finish(batch_job_id);

  expect(status).toMatchObject({ status: 'completed_with_errors', total: 4 });
  expect(status.counts).toMatchObject({ succeeded: 2, failed: 2 });
  const { errors, groups, files } = await mcp.call('export_batch_errors', { batch_job_id });
  expect(
    errors.map(({ index, error }: { index: number; error: { code: string } }) => [index, error.code]),
  ).toEqual([
    [1, 'row_too_short'],
    [3, 'required_field_missing'],
  ]);
  expect(errors[0].error.message).toContain('Line 3');
  expect(groups).toHaveLength(2);
  const { contents } = await mcp.client.readResource({ uri: files.csv.uri });
  expect(contents[0]).toMatchObject({ mimeType: 'text/csv', text: expect.stringContaining('_error_code') });
});

test('a record that cannot be stored fails alone and keeps its place', async ({ mcp }) => {
  const records = [{ a: 1 }, { a: 'nul \u0000' }, { a: 'lone \ud800' }, { a: 2 }];

  const { batch_job_id, total } = await mcp.call('start_batch', { flow_id: 'echo-all', records });
  const status = await mcp.finish(batch_job_id);

  expect(total).toBe(4);
  expect(status.counts).toMatchObject({ succeeded: 2, failed: 2 });
});

test.for([
  [{ flow_id: 'echo-all' }, /exactly one of records.*source/],
  [{ flow_id: 'echo-all', records: [] }, /records/],
  [{ flow_id: 'echo-all', records: [{ a: 1 }], source: { path: 'x' } }, /exactly one/],
  [{ flow_id: 'echo-al', records: [{ a: 1 }] }, /echo-all/],
  [{ flow_id: 'echo-all', records: [{ a: 1 }], concurency: 4 }, /did you mean concurrency/],
  [{ flow_id: 'echo-all', records: [{ a: 1 }], concurrency: 51 }, /concurrency.*50/],
  [{ flow_id: 'echo-all', records: [{ a: 1 }], concurrency: 0 }, /concurrency/],
  [{ flow_id: 'echo-all', records: [1] }, /records\[0\]/],
  [{ flow_id: 'echo-all', source: { path: '/etc/passwd' } }, /source_not_allowed/],
  [{ flow_id: 'echo-all', source: { path: 'nowhere.csv' } }, /source_not/],
  [{ flow_id: 'echo-all', records: [{ a: 1 }], batch: { max_failures: -1 } }, /batch\.max_failures/],
  [{ flow_id: 'echo-all', records: [{ a: 1 }], batch: { max_failure: 1 } }, /batch\.max_failure/],
])('start_batch refuses %j and starts nothing', async ([args, message], { mcp }) => {
  await expect(mcp.call('start_batch', args as Record<string, unknown>)).rejects.toThrow(message as RegExp);

  expect(
    (await mcp.call('list_batch_jobs')).jobs.filter((job: { status: string }) => job.status === 'pending'),
  ).toEqual([]);
  expect(mcp.unexpected).toEqual([]);
});

test('the same idempotency key answers the first job, and other arguments under it are refused', async ({
  mcp,
}) => {
  const args = { flow_id: 'echo-all', records: rows(3), idempotency_key: 'monday import' };

  const turned = args.records.map((row) => Object.fromEntries(Object.entries(row).reverse()));

  const answers = await Promise.all(Array.from({ length: 50 }, () => mcp.call('start_batch', args)));

  expect(new Set(answers.map(({ batch_job_id }) => batch_job_id)).size).toBe(1);
  expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
  expect(await mcp.call('start_batch', { ...args, records: turned })).toMatchObject({ replayed: true });
  await expect(mcp.call('start_batch', { ...args, records: rows(4) })).rejects.toThrow(
    /idempotency_key_reused/,
  );
});

test('the same rows through the same flow are not started twice at once', async ({ mcp }) => {
  const args = { flow_id: 'strict', records: rows(40), batch: {} };
  const first = await mcp.call('start_batch', args);
  await mcp.finish(first.batch_job_id);

  const second = await mcp.call('start_batch', args);

  expect(second.earlier_job).toBe(first.batch_job_id);
  await mcp.finish(second.batch_job_id);
});

test('an unknown job is refused with the ids of recent ones, and latest and an end of an id are understood', async ({
  mcp,
}) => {
  const { batch_job_id } = await mcp.call('start_batch', {
    flow_id: 'echo-all',
    records: rows(2),
    label: 'second',
  });
  await mcp.finish(batch_job_id);

  await expect(
    mcp.call('get_batch_status', { batch_job_id: '00000000-0000-7000-8000-000000000000' }),
  ).rejects.toThrow(batch_job_id);
  expect((await mcp.call('get_batch_status', { batch_job_id: 'latest' })).batch_job_id).toBe(batch_job_id);
  const prefix = batch_job_id.slice(0, 30);
  expect((await mcp.call('get_batch_status', { batch_job_id: prefix })).label).toBe('second');
  // As the page names a job.
  expect((await mcp.call('get_batch_status', { batch_job_id: batch_job_id.slice(-8) })).label).toBe('second');
});

test('jobs are listed page by page, newest first', async ({ mcp }) => {
  const ids: string[] = [];
  for (const n of [1, 2, 3]) {
    const { batch_job_id } = await mcp.call('start_batch', { flow_id: 'echo-all', records: [{ page: n }] });
    ids.unshift(batch_job_id);
    await mcp.finish(batch_job_id);
  }

  const first = await mcp.call('list_batch_jobs', { limit: 2, flow_id: 'echo-all' });
  const second = await mcp.call('list_batch_jobs', {
    limit: 2,
    flow_id: 'echo-all',
    cursor: first.next_cursor,
  });

  const listed = [...first.jobs, ...second.jobs].map((job: { batch_job_id: string }) => job.batch_job_id);
  expect(listed.slice(0, 3)).toEqual(ids);
  await expect(mcp.call('list_batch_jobs', { cursor: 'nonsense' })).rejects.toThrow(/cursor/);
  await expect(mcp.call('list_batch_jobs', { since: 'yesterday' })).rejects.toThrow(/12h/);
});

test('failed records are retried by index, and a running job refuses a retry', async ({ mcp }) => {
  const { batch_job_id } = await mcp.call('start_batch', {
    flow_id: 'strict',
    records: [{ email: '' }, { email: 'a@b.c' }, {}],
    concurrency: 4,
  });
  await mcp.finish(batch_job_id);

  const retry = await mcp.call('retry_batch_failed_records', { batch_job_id, select: { indexes: [2] } });

  expect(retry).toMatchObject({ selected: 1, wave: 1, concurrency: 2 });
  const status = await mcp.finish(batch_job_id);
  expect(status.counts).toMatchObject({ succeeded: 1, failed: 1, retried_failed: 1 });
  await expect(
    mcp.call('retry_batch_failed_records', { batch_job_id, select: { statuses: ['skipped'] } }),
  ).rejects.toThrow(/nothing_to_retry/);
});

test('a finished job refuses to be cancelled and says what can be done', async ({ mcp }) => {
  const { batch_job_id } = await mcp.call('start_batch', { flow_id: 'echo-all', records: [{ once: 1 }] });
  await mcp.finish(batch_job_id);

  await expect(mcp.call('update_batch', { batch_job_id, action: 'cancel' })).rejects.toThrow(/has finished/);
  await expect(mcp.call('update_batch', { batch_job_id })).rejects.toThrow(/at least one of/);
});

test('progress is told to callers who ask for it', async ({ mcp }) => {
  const { batch_job_id } = await mcp.call('start_batch', {
    flow_id: 'echo-all',
    records: rows(12),
    batch: { rate: '6/s' },
  });
  const reports: { progress: number; total?: number | undefined }[] = [];

  await mcp.client.callTool(
    { name: 'get_batch_status', arguments: { batch_job_id, wait_seconds: 5 } },
    undefined,
    { onprogress: (report) => reports.push(report) },
  );

  expect(reports.length).toBeGreaterThan(0);
  expect(reports.every(({ total }) => total === 12)).toBe(true);
});

test.for([
  ['left out', {}],
  ['null', { arguments: null }],
] as const)('a tool that needs no arguments answers when they are %s', async ([, given], { mcp }) => {
  const params = { name: 'list_flows', ...given };
  const answer = await mcp.client.request({ method: 'tools/call', params } as never, CallToolResultSchema);

  expect(answer.structuredContent).toMatchObject({ flows: expect.any(Array) });
});

test('an unknown tool names the nearest one', async ({ mcp }) => {
  await expect(mcp.call('get_batch_stats')).rejects.toThrow(/get_batch_status/);
});

test('flows are listed with what they expect', async ({ mcp }) => {
  mcp.write('flows/broken.yaml', 'flow: broken\ntarget: { conector: echo }\n');

  const { flows, invalid } = await mcp.call('list_flows');
  const flow = await mcp.call('get_flow', { flow_id: 'strict' });

  expect(flows.map(({ name }: { name: string }) => name)).toEqual(['echo-all', 'strict']);
  expect(invalid).toHaveLength(1);
  expect(invalid[0].problems.join('\n')).toMatch(/connector/);
  expect(flow).toMatchObject({
    version: 2,
    description: 'Wants an email',
    expects: [{ path: 'email', required: true }],
  });
});

test('the tools are the operations', async ({ mcp }) => {
  const { tools } = await mcp.client.listTools();

  expect(tools.map(({ name }) => name)).toEqual(operations.map(({ name }) => name));
});

test('a root that is on another machine is passed over, and the others are read from', async ({ db }) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-root-'));
  const path = join(folder, 'rows.csv');
  writeFileSync(path, 'n\n1\n');
  const roots = ['file://server/share', pathToFileURL(folder).href];
  const mcp = await connect(db, {}, roots);

  const preview = await mcp.call('preview_batch', { source: { path } });
  await mcp.close();
  rmSync(folder, { recursive: true });

  expect(preview).toMatchObject({ rows: 1 });
});
