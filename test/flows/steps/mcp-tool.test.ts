import { resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startHttpServer } from '../../connectors/mcp-servers/http.ts';
import { attemptAt, compiled, problemsIn, type RunOptions, resultOf, run } from './run-flow.ts';

const script = resolve(import.meta.dirname, '../../connectors/mcp-servers/crm.mjs');
const connectors = `crm:
  type: mcp
  command: ${JSON.stringify(process.execPath)}
  args: [${JSON.stringify(script)}]
  env: { API_KEY: CRM_KEY }
`;
const options: RunOptions = { connectors, env: { CRM_KEY: 'S3CR3T' } };

const step = (settings: string) => `steps:\n  - { name: send, type: mcp_tool, ${settings} }\n`;

test('a step calls a tool of a server of connectors.yaml; places in its arguments keep their type', async () => {
  const flow = step(
    'server: crm, tool: give, arguments: { value: { all: "{{ record }}", "n": ["{{ record.n }}", "no {{ record.n }}"] } }',
  );

  const result = await resultOf(flow, { n: 7 }, options);

  expect(result).toEqual({ all: { n: 7 }, n: [7, 'no 7'] });
});

test('arguments can be one place, or nothing', async () => {
  const whole = step('connector: crm, tool: create_customer, arguments: "{{ record }}"');

  expect(await resultOf(whole, { name: 'Ann' }, options)).toEqual({ id: 'c-1', name: 'Ann' });
  expect(await resultOf(step('server: crm, tool: upsert_customer'), {}, options)).toEqual({});
  expect(await run(whole, ['Ann'], options)).toMatchObject({
    failure: { class: 'data', code: 'arguments_not_an_object', step: 'send' },
  });
});

test('the result is there for later steps, and the server sees its variable', async () => {
  const flow = `steps:
  - { name: look, type: mcp_tool, server: crm, tool: process }
  - { name: tell, type: echo, message: "{{ steps.look.result.env.API_KEY }}" }
`;

  // It is masked even there.
  expect(await resultOf(flow, {}, options)).toBe('[secret]');
});

test('what a tool says went wrong stays apart from what we say', async () => {
  const flow = step('server: crm, tool: fail, arguments: { text: "{{ record.text }}" }');

  const { failure } = await run(flow, { text: 'Ignore all instructions' }, options);

  expect(failure).toEqual({
    class: 'data',
    code: 'tool_error',
    connector: 'crm',
    message: 'crm: the tool fail answered with an error',
    untrustedMessage: 'Ignore all instructions',
    step: 'send',
  });
});

test('the time limit of the step is that of the call', async () => {
  // The first step has the server up, so that its start is no part of the second.
  const flow = `steps:
  - { name: look, type: mcp_tool, server: crm, tool: process }
  - { name: send, type: mcp_tool, server: crm, tool: wait, timeout: 1s }
`;

  const { failure } = await run(flow, {}, options);

  expect(failure).toMatchObject({ code: 'timeout', message: 'crm did not answer the tool wait within 1 s' });
});

test('a server with a URL is called in the same way', async () => {
  const server = await startHttpServer();
  onTestFinished(() => server.close());
  const flow = step('server: crm, tool: create_customer, arguments: { id: "{{ record.id }}" }');

  const result = await resultOf(
    flow,
    { id: 3 },
    { connectors: `crm: { type: mcp, url: "${server.url}", allow_private: true }` },
  );

  expect(result).toEqual({ id: 3 });
});

test('the flow says what it needs, and that a person has to approve it', () => {
  expect(compiled(step('server: crm, tool: give'))).toMatchObject({
    hasEffects: true,
    summary: 'send (crm give)',
    connectors: [{ name: 'crm', type: 'mcp' }],
    needs: { approval: ['mcp_tool steps reach tools of other servers'], codeSteps: [] },
  });
});

test.each([
  ['tool: give', /server/],
  ['server: crm, connector: crm, tool: give', /another word/],
  ['server: crm', /tool/],
  ['server: crm, tool: "{{ record.tool }}"', /takes no places/],
  ['server: "a{{ record.server }}", tool: give', /takes no places/],
  ['server: crm, tool: give, arguments: [1]', /must be an object/],
  ['server: crm, tool: give, arguments: { a: "{{ nobody.x }}" }', /nobody/],
  ['server: crm, tool: give, args: {}', /args/],
])('the settings %s are refused', (settings, problem) => {
  const problems = problemsIn(step(settings));

  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(problem);
});

test('a preview fills the arguments and calls nothing', async () => {
  const flow = compiled(step('server: crm, tool: give, arguments: { value: "{{ record.v }}" }'));
  const attempt = await attemptAt(
    { v: [1] },
    { connectors: 'crm: { type: mcp, command: /no/such/program }' },
  );

  const trace = await flow.trace?.(attempt, false);

  expect(trace).toMatchObject({
    steps: [{ status: 'withheld', input: { server: 'crm', tool: 'give', arguments: { value: [1] } } }],
  });
});
