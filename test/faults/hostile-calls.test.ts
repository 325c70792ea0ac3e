import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { expect as expectNow } from 'vitest';
import type { SluiceProcess } from '../support/sluice-process.ts';
import { type Arena, test } from './arena.ts';
import { jobFinished } from './witness.ts';

const answerMs = 5000;
/** What no caller may get to see: stacks, our files, statements, the driver's words, and that we did not expect it. */
const insides =
  /\n\s+at |dist\/|node_modules|file:\/\/|\bselect\b.*\bfrom\b|\binsert into\b|violates|syntax error|internal_error/i;

/** Calls a tool with anything at all and checks what must hold of every answer. */
async function callWith(sluice: SluiceProcess, name: string, given: unknown) {
  const request = { name, arguments: given as Record<string, unknown> };
  const result = (await sluice.client.callTool(request, undefined, { timeout: answerMs })) as CallToolResult;
  const text = result.content.map((part) => (part.type === 'text' ? part.text : '')).join('\n');
  expectNow(text).not.toMatch(insides);
  return { isError: result.isError === true, text };
}

const jobCount = async ({ db }: Arena) => (await db.run((sql) => sql`select 1 from batch_jobs`)).length;

const refusals: readonly (readonly [string, unknown, RegExp])[] = [
  ['start_batch', undefined, /flow_id/],
  ['start_batch', { flow_idd: 'import' }, /did you mean flow_id/],
  ['start_batch', { flow_id: 'imprt', records: [{}] }, /import/],
  ['start_batch', { flow_id: '../import', records: [{}] }, /import/],
  ['start_batch', { flow_id: 'import', records: [{}], source: { path: '/x' } }, /exactly one/],
  ['start_batch', { flow_id: 'import' }, /exactly one/],
  ['start_batch', { flow_id: 'import', records: [1, null, 'x'] }, /records\[0\]/],
  ['start_batch', { flow_id: 'import', records: [] }, /records/],
  ['start_batch', { flow_id: 'import', records: [{}], concurrency: 1e9 }, /concurrency/],
  ['start_batch', { flow_id: 'import', records: [{}], concurrency: '5' }, /concurrency/],
  ['start_batch', { flow_id: 'import', records: [{}], batch: { max_failure: 3 } }, /max_failure/],
  ['start_batch', { flow_id: 'import', records: [{}], label: 'a'.repeat(201) }, /label/],
  ['start_batch', { flow_id: 'import', source: { path: 'a\0b' } }, /path|file/i],
  ['start_batch', { flow_id: 'import', source: { path: '/etc/passwd' } }, /may be read|allowed/i],
  ['start_batch', { flow_id: 'import', source: { path: '/proc/self/environ' } }, /may be read|allowed/i],
  ['start_batch', { flow_id: 'import', source: { path: '/dev/zero' } }, /may be read|allowed|regular/i],
  ['get_batch_status', {}, /batch_job_id/],
  [
    'get_batch_status',
    { batch_job_id: '01890000-0000-7000-8000-000000000000' },
    /list_batch_jobs|start_batch/,
  ],
  ['get_batch_status', { batch_job_id: "' or 1=1; --" }, /batch_job_id|batch job/i],
  ['get_batch_status', { batch_job_id: '%%%%%%%%' }, /batch_job_id|batch job/i],
  ['list_batch_jobs', { cursor: 'AAAA' }, /cursor/],
  ['list_batch_jobs', { since: 'yesterdayish' }, /since/],
  ['update_batch', { batch_job_id: 'latest' }, /at least one/],
  ['get_flow', { flow_id: 'imprt' }, /import/],
  ['no_such_tool', {}, /tools are|did you mean/i],
];

test.concurrent('a call that asks for nonsense is refused with words that help, and changes nothing', async ({
  arena,
  expect,
}) => {
  const sluice = await arena.start();

  for (const [tool, given, words] of refusals) {
    const { isError, text } = await callWith(sluice, tool, given);

    const call = `${tool} ${JSON.stringify(given)?.slice(0, 100)}: ${text}`;
    expect.soft(isError, call).toBe(true);
    expect.soft(text, call).toMatch(words);
  }
  expect(await jobCount(arena)).toBe(0);
});

const hostile = fc.constantFrom<unknown>(
  '',
  ' ',
  '\0',
  '\ud800',
  "'; drop table records; --",
  '../../../../etc/passwd',
  '/dev/zero',
  '{{ source.id }}',
  '\u001b[31mred',
  'é'.repeat(5000),
  '__proto__',
  'import',
  'latest',
  -1,
  0,
  0.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  null,
  [],
  {},
  [[[[[[]]]]]],
  { __proto__: 1, constructor: { prototype: 1 } },
);

/** Arguments with the tool's own names and anything as their values, and now and then a stranger. */
function argumentsOf(tool: Tool): fc.Arbitrary<Record<string, unknown>> {
  const value = fc.oneof({ weight: 2, arbitrary: hostile }, { weight: 1, arbitrary: fc.jsonValue() });
  const names = Object.keys(tool.inputSchema.properties ?? {});
  const own = Object.fromEntries(names.map((name) => [name, anyOf(name, value)]));
  return fc.record({ ...own, stranger: value }, { requiredKeys: [] });
}

/** Waiting is not what is tried here. */
const anyOf = (name: string, value: fc.Arbitrary<unknown>) =>
  name === 'wait_seconds' ? fc.constantFrom<unknown>(0, -1, 'x', 51, null) : value;

test.concurrent('whatever the arguments of a tool are, it answers in time, tells nothing of the inside, and makes a job only when it says so', {
  timeout: 60_000,
}, async ({ arena, expect }) => {
  const sluice = await arena.start();
  const { tools } = await sluice.client.listTools();
  let started = 0;

  for (const tool of tools) {
    await fc.assert(
      fc.asyncProperty(argumentsOf(tool), async (given) => {
        const { isError } = await callWith(sluice, tool.name, given);
        if (tool.name === 'start_batch' && !isError) started++;
      }),
      { numRuns: 40 },
    );
  }

  expect(await jobCount(arena)).toBe(started);
  expect(sluice.stderr).not.toMatch(/unexpected error/);
});

const files: readonly (readonly [string, string | Buffer])[] = [
  ['empty.csv', ''],
  ['header-only.csv', 'id,name\n'],
  ['nothing-but-newlines.csv', '\n\n\n\n'],
  ['open-quote.csv', 'id,name\n1,"never closed\n2,x\n'],
  ['ragged.csv', 'id,name\n1\n2,x,y,z\n3,ok\n'],
  ['nul.csv', 'id,name\n1,a\0b\n2,ok\n'],
  ['same-names.csv', 'id,id,id\n1,2,3\n'],
  ['proto.csv', '__proto__,constructor\n1,2\n'],
  ['random.csv', Buffer.from(Array.from({ length: 50_000 }, (_, n) => (n * 7919) % 256))],
  ['wide.csv', `${Array.from({ length: 20_000 }, (_, n) => `c${n}`).join(',')}\n1\n`],
  ['one-line.ndjson', `{"id":"${'x'.repeat(3_000_000)}"}\n{"id":2}\n`],
  ['half.ndjson', '{"id":1}\n{"id":\n{"id":3}\n'],
  ['deep.ndjson', `${'['.repeat(100_000)}\n{"id":1}\n`],
  ['surrogate.ndjson', '{"id":"\\ud800"}\n{"id":"\\u0000"}\n'],
  ['deep.json', '{"a":'.repeat(100_000)],
  ['cut.json', '[{"id":1},{"id":2'],
  ['scalar.json', '42'],
  ['big-number.json', `[{"id":1${'0'.repeat(400)}}]`],
];

test.concurrent('whatever is in a file, its job is refused or comes to an end with every record accounted for', {
  timeout: 60_000,
}, async ({ arena, expect }) => {
  const sluice = await arena.start();

  for (const [name, content] of files) {
    const path = join(arena.home, name);
    writeFileSync(path, content);
    const before = await jobCount(arena);

    const { isError, text } = await callWith(sluice, 'start_batch', { flow_id: 'import', source: { path } });

    expect.soft(await jobCount(arena), name).toBe(isError ? before : before + 1);
    if (isError) continue;
    const job = await jobFinished(arena.db, JSON.parse(text).batch_job_id);
    expect.soft(job.pending + job.processing, name).toBe(0);
    await callWith(sluice, 'get_batch_status', { batch_job_id: JSON.parse(text).batch_job_id });
    await callWith(sluice, 'export_batch_errors', { batch_job_id: JSON.parse(text).batch_job_id });
  }
});

const flows: readonly (readonly [string, string])[] = [
  ['empty', ''],
  ['no-yaml', '{{{{'],
  [
    'bomb',
    `a: &a [x,x,x]\n${'bcdefgh'
      .split('')
      .map((name, n) => `${name}: &${name} [${`*${'abcdefg'[n]},`.repeat(9)}x]`)
      .join('\n')}\n`,
  ],
  ['deep', '['.repeat(20_000)],
  ['no-target', 'flow: no-target\nmapping: { id: source.id }\n'],
  ['no-connector', 'flow: no-connector\ntarget: { connector: crn, endpoint: / }\n'],
  ['endless-pipe', `flow: endless-pipe\ntarget: echo\nmapping: { id: source.id${' | trim'.repeat(5000)} }\n`],
  ['proto', 'flow: proto\ntarget: echo\nmapping: { __proto__: source.id }\n'],
  ['big', `flow: big\n# ${'x'.repeat(2_000_000)}\n`],
  ['tagged', 'flow: !!js/function "function(){}"\ntarget: echo\n'],
];

test.concurrent('whatever is in a flow file, it is named with its problems, runs to an end or waits with a reason, and hides no other flow', {
  timeout: 60_000,
}, async ({ arena, expect }) => {
  const sluice = await arena.start();
  for (const [name, text] of flows) writeFileSync(join(arena.home, 'flows', `${name}.yaml`), text);

  const listed = await callWith(sluice, 'list_flows', {});
  expect(listed.isError).toBe(false);
  expect(listed.text).toContain('"import"');
  for (const [name] of flows) {
    const before = await jobCount(arena);
    const { isError } = await callWith(sluice, 'start_batch', { flow_id: name, records: [{ id: 1 }] });
    expect.soft(await jobCount(arena), name).toBe(isError ? before : before + 1);
  }

  const { isError } = await callWith(sluice, 'start_batch', { flow_id: 'import', records: [{ id: 'last' }] });
  expect(isError).toBe(false);
  await arena.target.reached(1);
});
