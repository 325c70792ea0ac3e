import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { noRetry } from '../../src/domain/retry-policy.ts';
import { compileFlow } from '../../src/flows/compile-flow.ts';
import { formatProblem } from '../../src/flows/flow-identity.ts';
import { cpuMs } from '../support/cpu-time.ts';
import { compiledFlow, importFlow } from './flow-under-test.ts';

function problemsOf(text: string): string[] {
  const compiled = compileFlow(text, 'a.yaml');
  return 'problems' in compiled ? compiled.problems.map(formatProblem) : [];
}

test('the flow people know compiles', () => {
  const flow = compiledFlow(importFlow);

  expect(flow).toMatchObject({
    name: 'customer-import',
    version: 1,
    description: null,
    hasEffects: true,
    retry: { retries: 2, backoff: 'exponential', delayMs: 30_000 },
    afterFailure: 'dead-letter',
    connectors: [{ name: 'crm-system', type: 'http' }],
    summary: 'POST crm-system /api/customers',
    expects: [
      { path: 'name', required: true },
      { path: 'email', required: true },
      { path: 'phone', required: false },
      { path: 'company', required: false },
    ],
  });
  expect(flow.flowId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-/);
  expect(flow.revision).toMatch(/^[0-9a-f]{16}$/);
});

test('a new text is a new revision of the same flow', () => {
  const [before, after] = [compiledFlow(importFlow), compiledFlow(`${importFlow}\n# reworded`)];

  expect(after.flowId).toBe(before.flowId);
  expect(after.revision).not.toBe(before.revision);
});

test('the id of a flow stays what it was in earlier versions of Sluice', () => {
  expect(compiledFlow('flow: customer-import\ntarget: echo').flowId).toBe(
    '3688167b-9234-53c3-b1f6-73969356e5e3',
  );
});

test('a flow of two lines is enough', () => {
  const flow = compiledFlow('flow: try\ntarget: echo');

  expect(flow).toMatchObject({
    version: null,
    hasEffects: false,
    connectors: [],
    batch: {},
    afterFailure: 'log',
    retry: { retries: 2, backoff: 'exponential', delayMs: 1_000, jitter: true },
  });
});

test('the batch block and the long form of retry are read', () => {
  const flow = compiledFlow(`
flow: full
target: { connector: echo }
batch: { concurrency: 10, continue_on_error: false, on_record_failure: callback, max_failures: 100, id_field: sku }
on_error:
  retry: { max_attempts: 4, delay: 10s, backoff: linear, jitter: true, max_delay: 1m }
`);

  expect(flow.batch).toEqual({
    concurrency: 10,
    continueOnError: false,
    onRecordFailure: 'callback',
    maxFailures: 100,
    idField: 'sku',
  });
  expect(flow.retry).toEqual({
    retries: 3,
    backoff: 'linear',
    delayMs: 10_000,
    maxDelayMs: 60_000,
    jitter: true,
  });
});

test('retry: none is no retry', () => {
  expect(compiledFlow('flow: x\ntarget: echo\non_error: { retry: none }').retry).toEqual(noRetry);
});

test('a published_api block is accepted as it is written today', () => {
  const block = `
published_api:
  path: /api/v1/customers/import
  method: POST
  batchEnabled: true
  batchArrayPath: records
  batchMaxSize: 5000
  batchConcurrency: 10
`;

  expect(problemsOf(importFlow + block)).toEqual([]);
});

test('an empty mapping is for calls that a record fills elsewhere', () => {
  const flow = (target: string) => `flow: x\ntarget: ${target}\nmapping: {}`;

  expect(problemsOf(flow('{ connector: c, endpoint: "/a/{{ source.id }}", method: DELETE }'))).toEqual([]);
  for (const target of ['echo', '{ connector: c, endpoint: /a }']) {
    expect(problemsOf(flow(target))).toEqual([
      'a.yaml:3:1 mapping is empty and the target names no field, so nothing of a record would be used; write target field: source.field, or leave mapping out to send the whole record',
    ]);
  }
  for (const method of ['GET', 'delete']) {
    expect(problemsOf(flow(`{ connector: c, endpoint: /a, method: ${method} }`))).toEqual([
      'a.yaml:3:1 mapping is empty and the target names no field, so nothing of a record would be used; write target field: source.field, or name a field in target.endpoint or target.query',
    ]);
  }
});

test('a mapped field and a key of the query cannot have one name where both go into the query', () => {
  const flow = (method: string) => `flow: x
target: { connector: c, endpoint: /a, method: ${method}, query: { page: 1, from: 2 } }
mapping: { page: source.page, from.day: source.day }
undo: { endpoint: /a, query: { id: 1 }, mapping: { id: source.id } }
`;
  const said = 'the mapping has a field of this name, and with';
  const ofUndo = `a.yaml:4:32 undo.query.id: ${said} DELETE both go into the query; leave one of the two out`;

  expect(problemsOf(flow('POST'))).toEqual([ofUndo]);
  expect(problemsOf(flow('get'))).toEqual([
    `a.yaml:2:61 target.query.page: ${said} GET both go into the query; leave one of the two out`,
    `a.yaml:2:70 target.query.from: ${said} GET both go into the query; leave one of the two out`,
    ofUndo,
  ]);
});

test('a read has no effects', () => {
  expect(compiledFlow('flow: x\ntarget: { connector: c, endpoint: /a, method: get }').hasEffects).toBe(false);
});

test('a path in the endpoint is expected of every record', () => {
  const flow = compiledFlow(
    'flow: x\ntarget: { connector: c, endpoint: "/a/{{ source.id }}/{{ source.kind | default(1) }}" }',
  );

  expect(flow.expects).toEqual([
    { path: 'id', required: true },
    { path: 'kind', required: false },
  ]);
});

test('everything wrong with a file comes back at once, with its place and the word that was meant', () => {
  const text = `flow: customer import
vrsion: 1
source: { trigger: schedule, conector: x }
target:
  conector: crm
  endpoint: api/customers/{{ source.id | trm }}
  method: PSOT
  headers: { Host: x, X-A: "{{ source.a" }
  timeout: soon
mapping:
  name: source.name | trm | required
  email: source.email | lowercase | default
  code: "source.code | pad_left('x')"
  city: city
  a.__proto__: source.x
batch: { concurrency: 100, max_failure: 3 }
on_error: { retry: 2x exponentially(3), then: ded-letter }
published_api: { path: import, batchConcurrency: 0 }
`;

  expect(problemsOf(text)).toEqual([
    'a.yaml:1:7 flow must be a name of letters, digits, -, _ and . (at most 100)',
    'a.yaml:2:1 unknown key "vrsion"; did you mean "version"?',
    'a.yaml:3:20 source.trigger must be manual or api: other triggers are not available',
    'a.yaml:3:30 unknown key "conector"; did you mean "connector"?',
    'a.yaml:4:1 target.connector is missing',
    'a.yaml:5:3 unknown key "conector"; did you mean "connector"?',
    'a.yaml:6:13 target.endpoint: must begin with /',
    'a.yaml:6:42 target.endpoint: unknown transform "trm"; did you mean "trim"?',
    'a.yaml:7:11 target.method must be one of POST, PUT, PATCH, DELETE, GET; did you mean "POST"?',
    'a.yaml:8:14 target.headers.Host is set by Sluice itself',
    'a.yaml:8:29 target.headers.X-A: the braces are not closed; write {{ source.field }}',
    'a.yaml:9:12 target.timeout must be a duration up to 1h, such as 30s',
    'a.yaml:11:23 mapping.name: unknown transform "trm"; did you mean "trim"?',
    'a.yaml:12:37 mapping.email: wrong number of arguments for default(value)',
    'a.yaml:13:33 mapping.code: width of pad_left must be a whole number from 0 to 10000',
    'a.yaml:14:9 mapping.city: city is neither a path nor a text; write source.city for the field, or \'"city"\' for the text itself',
    'a.yaml:15:3 mapping.a.__proto__: "__proto__" cannot be a key',
    'a.yaml:16:23 batch.concurrency must be a whole number from 1 to 50',
    'a.yaml:16:28 unknown key "max_failure"; did you mean "max_failures"?',
    'a.yaml:17:20 on_error.retry is not understood; write it as 3x exponential(30s), 5x fixed(10s, jitter), 4x linear(5s, max 1m) or none; at most 100 retries, and waits up to 7d',
    'a.yaml:17:47 on_error.then must be one of log, dead-letter, callback; did you mean "dead-letter"?',
    'a.yaml:18:24 published_api.path must begin with /',
    'a.yaml:18:50 published_api.batchConcurrency must be a whole number from 1 to 50',
  ]);
});

test.each([
  [
    '',
    'a.yaml:1:1 is not a flow; write flow: NAME, target: and mapping:, or steps:; sluice init makes an example',
  ],
  [
    '- a',
    'a.yaml:1:1 is not a flow; write flow: NAME, target: and mapping:, or steps:; sluice init makes an example',
  ],
  [
    'flow: x',
    'a.yaml:1:1 target is missing: write target: { connector: NAME, endpoint: /path, method: POST }, or target: echo to only map',
  ],
  ['target: echo', 'a.yaml:1:1 flow is missing'],
  ['flow: x\ntarget: crm', 'a.yaml:2:9 target must be a map with a connector, or echo'],
  [
    'flow: x\ntarget: { connector: crm }',
    'a.yaml:2:1 target.endpoint is missing; name the path below base_url, such as /api/customers',
  ],
  [
    'flow: x\ntarget: { connector: crm, endpoint: "https://a/b" }',
    'a.yaml:2:38 target.endpoint: must begin with /; the host is the base_url of the connector',
  ],
  [
    'flow: x\ntarget: { connector: crm, endpoint: "/a/{id}" }',
    'a.yaml:2:38 target.endpoint: has a single brace; write {{ source.field }}',
  ],
  [
    'flow: x\ntarget: { connector: crm, endpoint: "/a/../b" }',
    'a.yaml:2:38 target.endpoint: may hold no . or .. segments',
  ],
  [
    'flow: x\ntarget: { connector: crm, endpoint: "/a/{% if x %}" }',
    'a.yaml:2:41 target.endpoint: tags ({% %}) are not available; use {{ source.field | … }}',
  ],
  ['flow: x\ntarget: echo\nmapping: [a]', 'a.yaml:3:10 mapping must be a map of keys and values'],
  ['flow: x\ntarget: echo\nversion: one', 'a.yaml:3:10 version must be a whole number from 1 to 1000000000'],
  [
    'flow: x\ntype: saga\ntarget: echo',
    'a.yaml:2:7 type must be standard; saga and fan-out are not available',
  ],
  ['flow: x\nsteps: []', 'a.yaml:2:8 there are no steps'],
  ['flow: x\ntarget: echo\nflow: y', 'a.yaml:3:1 the key "flow" is given twice'],
])('%j is refused: %s', (text, problem) => {
  expect(problemsOf(text)).toEqual([problem]);
});

test('no text makes compiling throw or take long', () => {
  const lines = importFlow.split('\n');
  const piece = fc.constantFrom(
    ...lines,
    'steps:',
    '  - a',
    'mapping: *x',
    '&x',
    '{',
    '[',
    '"',
    '| trim',
    'default(',
    '{{',
    '}}',
    '!!js/function',
    '__proto__: 1',
    '\t',
  );

  fc.assert(
    fc.property(
      fc.array(fc.tuple(piece, fc.constantFrom('\n', ' ', ': ', '')), { maxLength: 40 }),
      (pieces) => {
        const begun = cpuMs();
        const compiled = compileFlow(pieces.flat().join(''), 'a.yaml');

        if ('problems' in compiled) expect(compiled.problems.length).toBeGreaterThan(0);
        expect(cpuMs() - begun).toBeLessThan(250);
      },
    ),
    { numRuns: 500 },
  );
});

test('the example flow compiles', () => {
  const file = new URL('../../examples/flows/airport-import.yaml', import.meta.url);

  expect(problemsOf(readFileSync(file, 'utf8'))).toEqual([]);
});
