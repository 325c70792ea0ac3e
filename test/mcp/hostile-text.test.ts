import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';
import { test } from '../support/database.ts';
import { connect } from '../support/mcp.ts';

const unseen = '\u001b[2J\u202e\u200b\u{e0049}\u{e0067}\u0007';
const unseenIn = /(?![\t\n])\p{Cc}|\p{Bidi_Control}|\p{Default_Ignorable_Code_Point}/u;
const flow = [
  'flow: strict',
  `description: ${JSON.stringify(`Wants ${unseen}mail`)}`,
  'target: { connector: echo }',
  'mapping:',
  '  email: source.email | required',
  '  note: source.note',
  '',
].join('\n');

test('nothing unseen of a payload, a label or a flow reaches a model, and files hold every byte', async ({
  db,
}) => {
  const mcp = await connect(db, { 'strict.yaml': flow });
  const records = [
    { id: `a${unseen}`, email: '', note: `x${unseen}`, [`field${unseen}`]: 1 },
    { id: 'b', email: 'b@c.d', note: `line\nbreak ${unseen}` },
  ];
  const started = await mcp.call('start_batch', {
    flow_id: 'strict',
    records,
    id_field: 'id',
    label: `label ${unseen}`,
  });
  const { batch_job_id } = started;
  await mcp.finish(batch_job_id);

  const calls: [string, object][] = [
    ['get_batch_status', { batch_job_id }],
    ['export_batch_errors', { batch_job_id }],
    ['export_batch_results', { batch_job_id }],
    ['search_logs', { batch_job_id }],
    ['search_logs', { batch_job_id, index: 0 }],
    ['list_batch_jobs', {}],
    ['list_flows', {}],
    ['get_flow', { flow_id: 'strict' }],
    ['get_flow', { flow_id: `no${unseen}where` }],
  ];
  for (const [name, args] of calls) {
    const answer = (await mcp.client.callTool({ name, arguments: { ...args } })) as CallToolResult;
    const [text] = answer.content;
    const halves = [text?.type === 'text' ? text.text : '', JSON.stringify(answer.structuredContent ?? {})];
    for (const half of halves) expect(textsIn(half), name).not.toMatch(unseenIn);
  }
  const { record } = await mcp.call('search_logs', { batch_job_id, index: 1 });
  const file = await mcp.client.readResource({ uri: `batch://jobs/${batch_job_id}/errors.ndjson` });
  const [content] = file.contents;

  expect(record.payload.note).toBe('line\nbreak   ');
  expect(content && 'text' in content && JSON.parse(content.text).payload.note).toBe(`x${unseen}`);
  await mcp.close();
});

/** The texts of a JSON document as they are once read; of anything else the text itself. */
function textsIn(half: string): string {
  try {
    const texts: string[] = [];
    JSON.parse(half, (name, value) => {
      texts.push(name, typeof value === 'string' ? value : '');
      return value;
    });
    return texts.join('\n');
  } catch {
    return half;
  }
}
