import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'vitest';
import { openCommandLine } from '../support/command-line.ts';
import { test } from '../support/database.ts';
import { type Connected, connect } from '../support/mcp.ts';
import { type Hit, type Mode, ok, startTarget, status } from '../support/target.ts';
import { tokens } from '../support/tokens.ts';

const flow = [
  'flow: people-import',
  'target: { connector: crm, endpoint: /people, method: POST }',
  'mapping:',
  '  id: source.id',
  '  email: source.email | trim | required',
  '  phone: source.phone',
  '',
].join('\n');
const connectors = (url: string) =>
  `crm:\n  type: http\n  base_url: ${url}\n  allow_private: true\n  auth: { type: bearer, token_env: CRM_TOKEN }\n`;

/** Forty people: five with blanks in their phone number, three without an address. */
const file = [
  'id,email,phone',
  ...Array.from({ length: 40 }, (_, n) =>
    [n, n % 13 === 7 ? '' : `p${n}@example.com`, n % 8 === 3 ? `030 ${n} 55` : `030${n}55`].join(','),
  ),
  '',
].join('\n');

/** A target that takes phone numbers without blanks only. */
const answer = ({ body }: Hit): Mode =>
  /"phone":"[^"]* /.test(JSON.stringify(body) ?? '')
    ? status(422, { message: 'phone must not hold blanks' })
    : ok;

type Json = Record<string, unknown>;

/** An assistant that knows nothing but the answers, and calls only what the last one named. */
class Assistant {
  readonly #mcp: Connected;
  calls = 0;
  tokens = 0;
  #advice = 'preview_batch list_flows start_batch get_batch_status';

  constructor(mcp: Connected) {
    this.#mcp = mcp;
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers are checked by what the test expects of them
  async call(name: string, args: Json): Promise<any> {
    expect(this.#advice, 'what the answer before advises').toMatch(new RegExp(`${name}|The same call`));
    const result = (await this.#mcp.client.callTool({ name, arguments: args })) as CallToolResult;
    const [content] = result.content;
    const text = content?.type === 'text' ? content.text : '';
    expect(result.isError, text).not.toBe(true);
    this.calls++;
    this.tokens += tokens(text) + tokens(JSON.stringify(args));
    this.#advice = advicesIn(result.structuredContent).join('\n');
    return result.structuredContent;
  }

  /** Makes the call of a tool as the last answer wrote it, with what the assistant adds. */
  follow(name: string, more: Json = {}) {
    const written = new RegExp(String.raw`${name} (\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})`).exec(
      this.#advice,
    );
    expect(written, `a call of ${name} in: ${this.#advice}`).not.toBeNull();
    return this.call(name, { ...JSON.parse(written?.[1] ?? '{}'), ...more });
  }

  get advice(): string {
    return this.#advice;
  }
}

function advicesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === 'next_step' ? [String(inner)] : advicesIn(inner),
  );
}

/** From a flow that can run to a report of what is left. */
async function importAndRepair(assistant: Assistant, path: string) {
  await assistant.call('preview_batch', { flow_id: 'people-import', source: { path } });
  await assistant.follow('start_batch');
  const first = await assistant.follow('get_batch_status');
  const phones = first.error_groups.find(({ code }: { code: string }) => code === 'http_422');
  expect(phones).toMatchObject({ count: 5, untrusted_message: expect.stringContaining('phone') });
  const repair = {
    batch_job_id: first.batch_job_id,
    select: { group_ids: [phones.group_id] },
    patch: { set: { phone: 'payload.phone | replace_all(" ", "")' } },
  };
  const preview = await assistant.call('retry_batch_failed_records', { ...repair, preview: true });
  await assistant.call('retry_batch_failed_records', repair);
  const second = await assistant.follow('get_batch_status');
  const left = await assistant.call('export_batch_errors', { batch_job_id: second.batch_job_id });
  return { first, preview, second, left };
}

test('a file is imported, repaired and reported on with an existing flow', async ({ db }) => {
  const target = await startTarget({ answer });
  const mcp = await connect(db, { 'people.yaml': flow, 'connectors.yaml': connectors(target.url) });
  const assistant = new Assistant(mcp);

  const { first, second, left } = await importAndRepair(assistant, mcp.write('people.csv', file));

  expect(first.counts).toMatchObject({ succeeded: 32, failed: 8 });
  expect(second, JSON.stringify(second)).toMatchObject({
    counts: { succeeded: 32, retried_success: 5, failed: 3 },
  });
  expect(left.errors.map(({ index }: { index: number }) => index)).toEqual([7, 20, 33]);
  expect(left.files.csv.path).toContain(first.batch_job_id);
  expect(assistant.calls).toBeLessThanOrEqual(8);
  expect(assistant.tokens).toBeLessThan(8000);
  await mcp.close();
  await target.close();
});

test('without a flow it takes few calls more, and one command of the person', async ({ db }) => {
  const target = await startTarget({ answer });
  const mcp = await connect(db);
  const person = openCommandLine({ home: mcp.folder });
  const path = mcp.write('people.csv', file);
  const assistant = new Assistant(mcp);

  await assistant.call('preview_batch', { source: { path } });
  await assistant.call('list_flows', {});
  await assistant.call('save_flow', { text: flow });
  const command = /`sluice (connect crm [^`]*)`/.exec(assistant.advice)?.[1] ?? '';
  const words = command.replace(/https?:\/\/\S+|URL/, target.url).split(' ');
  const connected = await person.run([...words, '--allow-private'], { input: 'S3CR3T\n' });
  const { second } = await importAndRepair(assistant, path);

  expect(connected).toMatchObject({ code: 0 });
  expect(second.counts).toMatchObject({ succeeded: 32, retried_success: 5, failed: 3 });
  expect(assistant.calls).toBeLessThanOrEqual(12);
  expect(assistant.tokens).toBeLessThan(12_000);
  await mcp.close();
  await target.close();
});
