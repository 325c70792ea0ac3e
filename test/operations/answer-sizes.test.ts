import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';
import { cutTo, tokensOf } from '../../src/operations/answer-size.ts';
import { finishJob } from '../../src/store/control.ts';
import { createJob } from '../../src/store/create-job.ts';
import type { Database } from '../../src/store/database.ts';
import { test as base } from '../support/database.ts';
import { failureOf, newJob } from '../support/jobs.ts';
import { type Connected, connect } from '../support/mcp.ts';
import { tokens } from '../support/tokens.ts';

/** Text without any word in it, which costs most. */
const noise = (length: number, seed = 1): string => {
  let state = seed + 1;
  return Array.from({ length }, () => {
    state = (state * 16_807) % 2_147_483_647;
    return String.fromCharCode(33 + (state % 94));
  }).join('');
};
const letters = (length: number, seed = 1) =>
  noise(4 * length, seed)
    .replace(/[^A-Za-z]/g, '')
    .slice(0, length);

const longFlow = (n: number) =>
  [
    `flow: ${letters(40, n)}-${n}`,
    `description: ${JSON.stringify(noise(500, n))}`,
    'target: { connector: echo }',
    'mapping:',
    ...Array.from(
      { length: 150 },
      (_, field) => `  ${letters(30, n + field)}_${field}: source.${letters(30, field + 7)} | trim`,
    ),
    '',
  ].join('\n');

const connectors = Array.from(
  { length: 20 },
  (_, n) =>
    `${letters(30, n)}-${n}: { type: http, base_url: "https://${letters(40, n)}.example.com", auth: { type: bearer, token_env: ${letters(40, n)} } }`,
).join('\n');

const test = base.extend<{ mcp: Connected; worst: string }>({
  mcp: [
    async ({ db }, use) => {
      const flows = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`f${n}.yaml`, longFlow(n)]));
      const broken = Object.fromEntries(
        Array.from({ length: 10 }, (_, n) => [
          `b${n}.yaml`,
          `flow: ${n}\n${letters(200, n)}: ${noise(5)}\nmaping: 3\n`,
        ]),
      );
      const connected = await connect(db, { ...flows, ...broken, 'connectors.yaml': `${connectors}\n` });
      await use(connected);
      await connected.close();
    },
    { scope: 'file' },
  ],
  worst: [async ({ db }, use) => use(await worstJob(db)), { scope: 'file' }],
});

/** A finished job with fifty causes, a payload of a megabyte, and long ids. */
async function worstJob(db: Database): Promise<string> {
  const records = Array.from({ length: 100 }, (_, n) => ({
    id: letters(200, n),
    json: JSON.stringify({ [letters(60, n)]: noise(n === 0 ? 1_000_000 : 3000, n) }),
    failure: failureOf(n % 2 === 0 ? 'transient' : 'bug', {
      code: `code_${letters(30, n % 50)}`,
      step: letters(60, n % 50),
      message: noise(500, n % 50),
      untrustedMessage: noise(500, n % 50),
    }),
  }));
  const source = { kind: 'file', path: `/${letters(4000)}`, format: 'csv', sizeBytes: 1 };
  const name = letters(200);
  const flow = {
    ...newJob(0).flow,
    name,
    text: `flow: ${name}
target: { connector: echo }
`,
  };
  const job = newJob(0, { records, label: noise(200), source, flow, idField: 'id' });
  await createJob(db, job);
  await db.run(
    (sql) => sql`
      with old as (
        insert into payload_versions (job_id, idx, revision, payload)
        select job_id, idx, n, payload from records, generate_series(0, 9) n where job_id = ${job.id} and idx < 2
      ), sent as (
        update records set status = 'succeeded', failure = null, group_id = null, result = payload, revision = 10
        where job_id = ${job.id} and idx < 10
      )
      update batch_jobs set failed = 90, succeeded = 10, maybe_applied = 2000000000 where id = ${job.id}`,
  );
  await finishJob(db, job.id);
  return job.id;
}

const calls: readonly [string, (id: string, mcp: Connected) => Record<string, unknown>][] = [
  ['get_batch_status', (batch_job_id) => ({ batch_job_id })],
  ['export_batch_errors', (batch_job_id) => ({ batch_job_id })],
  ['export_batch_results', (batch_job_id) => ({ batch_job_id })],
  ['search_logs', (batch_job_id) => ({ batch_job_id })],
  ['search_logs', (batch_job_id) => ({ batch_job_id, index: 0 })],
  ['search_logs', (batch_job_id) => ({ batch_job_id, index: 50 })],
  [
    'retry_batch_failed_records',
    (batch_job_id) => ({ batch_job_id, preview: true, patch: { set: { more: noise(500) } } }),
  ],
  ['export_batch_errors', (batch_job_id) => ({ batch_job_id, groups_cursor: '5' })],
  ['list_flows', () => ({})],
  ['get_flow_reference', () => ({})],
  ['get_flow', () => ({ flow_id: `${letters(40, 3)}-3` })],
  [
    'save_flow',
    () => ({ text: `flow: x\n${Array.from({ length: 60 }, (_, n) => `${letters(100, n)}: 1`).join('\n')}` }),
  ],
  ['preview_batch', (_, mcp) => ({ source: { path: wideFile(mcp) } })],
  ['preview_batch', (_, mcp) => ({ source: { path: wideFile(mcp) }, flow_id: `${letters(40, 3)}-3` })],
];

function wideFile(mcp: Connected): string {
  const columns = Array.from({ length: 200 }, (_, n) => `${letters(60, n)}${n}`);
  const row = (seed: number) => columns.map((_, n) => letters(80, seed + n)).join(',');
  return mcp.write('wide.csv', [columns.join(','), row(1), row(2), row(3), 'short', ''].join('\n'));
}

test.for(calls)(
  'the worst answer of %s by default fits a conversation (%#)',
  async ([name, args], { mcp, worst }) => {
    const answer = (await mcp.client.callTool({ name, arguments: args(worst, mcp) })) as CallToolResult;

    const [content] = answer.content;
    const text = content?.type === 'text' ? content.text : '';
    expect(tokens(text), text.slice(0, 300)).toBeLessThan(2000);
    expect(answer.isError ?? false, text.slice(0, 300)).toBe(false);
  },
);

test('thirty jobs with long names are listed on pages that fit', async ({ db, mcp, worst }) => {
  for (let n = 0; n < 30; n++) {
    const name = letters(200, n);
    await createJob(
      db,
      newJob(1, { label: noise(200, n), flow: { ...newJob(0).flow, name, revision: `r${n}` } }),
    );
  }

  const page = await mcp.call('list_batch_jobs', {});

  expect(worst).toBeDefined();
  expect(page.jobs.length).toBeGreaterThan(2);
  expect(page.next_cursor).toBeDefined();
  expect(tokens(page)).toBeLessThan(2000);
});

test('the list of tools fits a conversation', async ({ mcp }) => {
  const { tools } = await mcp.client.listTools();

  expect(tokens(tools)).toBeLessThan(10_000);
});

test.each([
  ['words', 'The target answered with an error about the field. '.repeat(20), 1.5],
  ['random signs', noise(1000), 1.2],
  ['random letters', letters(1000), 1.3],
  ['ids', JSON.stringify(Array.from({ length: 20 }, (_, n) => letters(8, n) + n)), 1.5],
  ['Japanese', '顧客データを取り込めませんでした。'.repeat(20), 2.5],
  ['signs of no vocabulary', '\ue001\ue0ff\u{13000}\u{1301f}'.repeat(50), 1.3],
])('what %s cost is estimated well enough', (_, text, excess) => {
  const estimated = tokensOf(text) / tokens(text);

  expect(estimated).toBeGreaterThan(0.9);
  expect(estimated).toBeLessThan(excess);
  expect(tokens(cutTo(text, 100))).toBeLessThan(115);
});
