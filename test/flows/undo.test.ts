import { expect, test } from 'vitest';
import { RecordFailure } from '../../src/domain/failure.ts';
import { compileFlow } from '../../src/flows/compile-flow.ts';
import { formatProblem } from '../../src/flows/flow-identity.ts';
import { attemptAt, compiledFlow } from './flow-under-test.ts';

const file = (more: string) => `flow: crm-import
target: { connector: crm, endpoint: /customers }
${more}`;

function problemsOf(text: string): string[] {
  const compiled = compileFlow(text, 'a.yaml');
  return 'problems' in compiled ? compiled.problems.map(formatProblem) : [];
}

const answer = {
  status: 201,
  headers: { location: '/customers/7' },
  body: { id: 7, status: 'active', name: 'Ann' },
};

test('a record keeps what the flow says of the answer; fields of the body are those of the response', async () => {
  const flow = compiledFlow(
    file(`result:
  id: response.id
  url: response.headers.location
  state: response.body.status
  code: response.status
  for: source.email | lowercase
  link.name: response.name`),
  );
  const { attempt, requests } = attemptAt({ email: 'A@B.C' }, answer);

  expect(await flow.run(attempt)).toEqual({
    id: 7,
    url: '/customers/7',
    state: 'active',
    code: 201,
    for: 'a@b.c',
    link: { name: 'Ann' },
  });
  expect(requests).toMatchObject([{ whole: true }]);
});

test.for([
  ['undo: { endpoint: "/customers/{{ result.body.id }}" }', true],
  ['', false],
])('of an answer all is read that taking back may need: %j', async ([more, whole]) => {
  const { attempt, requests } = attemptAt({}, { ...answer, body: { pad: 'x'.repeat(300_000) } });

  const result = await compiledFlow(file(String(more))).run(attempt);

  expect(requests).toMatchObject([{ whole }]);
  expect(JSON.stringify(result).length < 10_000).toBe(whole);
});

test('an answer that lacks what has to be kept fails the record, which may have been applied', async () => {
  const flow = compiledFlow(file('result: { id: response.uuid | required }'));

  const failure = await Promise.resolve(flow.run(attemptAt({}, answer).attempt)).catch(
    (error: unknown) => error,
  );

  expect(failure).toBeInstanceOf(RecordFailure);
  expect(failure).toMatchObject({
    failure: { class: 'data', step: 'result.id', maybeApplied: true },
  });
});

test('a record is taken back with a call of its own, filled from its result', async () => {
  const flow = compiledFlow(
    file(`result: { id: response.id }
undo:
  endpoint: /customers/{{ result.id }}
  headers: { X-For: "{{ source.email }}" }
  on_error: { retry: 4x fixed(1s) }`),
  );
  const { attempt, requests } = attemptAt({ index: 3, record: { email: 'a@b.c' }, result: { id: 'a/7' } });

  const result = await flow.undo?.run(attempt);

  expect(result).toEqual({ status: 201, body: { created: true } });
  expect(requests).toMatchObject([
    {
      method: 'DELETE',
      path: '/customers/a%2F7',
      headers: { 'X-For': 'a@b.c' },
      step: 'undo',
      idempotencyKey: 'job-1:7:undo:r0',
    },
  ]);
  expect(requests[0]?.body).toBeUndefined();
  expect([200, 204, 404, 410, 403, 500].map((status) => requests[0]?.accepts?.(status))).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
  ]);
  expect(flow.undo).toMatchObject({
    name: 'crm-import',
    revision: flow.revision,
    hasEffects: true,
    retry: { retries: 4 },
    summary: 'DELETE crm /customers/{{ result.id }}',
    connectors: [{ name: 'crm', type: 'http' }],
  });
});

test('what is gone already counts as taken back, and the result says so', async () => {
  const flow = compiledFlow(
    file(
      'undo: { endpoint: "/c/{{ result.body.id }}/void", method: post, gone: [409], mapping: { why: result.status } }',
    ),
  );
  const { attempt, requests } = attemptAt(
    { index: 0, record: {}, result: { status: 201, body: { id: 1 } } },
    { status: 409, headers: {}, body: null },
  );

  expect(await flow.undo?.run(attempt)).toEqual({ status: 409, body: null, gone: true });
  expect(requests).toMatchObject([{ method: 'POST', path: '/c/1/void', body: { why: 201 } }]);
  expect([409, 404].map((status) => requests[0]?.accepts?.(status))).toEqual([true, false]);
});

test('a record without its place in the path is never sent', async () => {
  const flow = compiledFlow(file('result: { id: response.id }\nundo: { endpoint: "/c/{{ result.id }}" }'));
  const { attempt, requests } = attemptAt({ index: 0, record: {}, result: null });

  const failure = await Promise.resolve(flow.undo?.run(attempt)).catch((error: unknown) => error);

  expect(failure).toMatchObject({ failure: { class: 'data', code: 'required_field_missing' } });
  expect(requests).toEqual([]);
});

test('a flow needs the connector of its undo', () => {
  const flow = compiledFlow(file('undo: { connector: trash, endpoint: "/c/{{ source.id }}" }'));

  expect(flow.connectors).toEqual([
    { name: 'crm', type: 'http' },
    { name: 'trash', type: 'http' },
  ]);
});

test.each([
  ['result: { id: respons.id }', 'a.yaml:3:15 result.id: ', 'response.id'],
  [
    'result: { id: response.id }\nundo: { endpoint: "/c/{{ result.ids }}" }',
    'undo.endpoint: result has no "ids" here',
    'did you mean "id"',
  ],
  [
    'result: { id: response.id }\nundo: { endpoint: "/c/{{ result.what }}" }',
    'result has no "what" here',
    'known here: id',
  ],
  ['undo: { endpoint: "c/{{ result.body.id }}" }', 'undo.endpoint: must begin with /', ''],
  ['undo: { method: DELETE }', 'undo.endpoint is missing', ''],
  ['undo: { endpoint: /c, method: GET }', 'undo.method must be one of DELETE, POST, PUT, PATCH', ''],
  ['undo: { endpoint: /c, gon: [404] }', 'unknown key "gon"', 'did you mean "gone"?'],
  ['undo: { endpoint: /c, gone: [200] }', 'undo.gone.0 must be a whole number from 400 to 499', ''],
  ['undo: { endpoint: /c, connector: echo }', 'undo.connector: echo takes nothing back', 'connectors.yaml'],
  [
    'undo: { endpoint: /c, mapping: { id: result.bdy } }',
    'undo.mapping.id: result has no "bdy"',
    'did you mean "body"?',
  ],
])('%s: %s', (more, message, advice) => {
  const [problem = ''] = problemsOf(file(more));

  expect(problem).toContain(message);
  expect(problem).toContain(advice);
});

test('a flow that calls nothing keeps no answer, and names who is to take its records back', () => {
  const problems = problemsOf('flow: x\ntarget: echo\nresult: { id: response.id }\nundo: { endpoint: /c }');

  expect(problems).toHaveLength(2);
  expect(problems[0]).toContain('a.yaml:3:1 result keeps parts of an answer');
  expect(problems[1]).toContain('a.yaml:4:1 undo.connector is missing');
});

const steps = (undo: string) => `flow: steps
steps:
  - { name: add, type: http_request, connector: crm, path: /c, method: POST, body: "{{ record }}" }
output: { id: "{{ steps.add.result.body.id }}" }
redact: [email]
on_error: { retry: 4x fixed(1s) }
undo:
${undo}
`;

test('a flow of steps takes a record back with steps of its own', async () => {
  const flow = compiledFlow(
    steps(`  - { name: say, type: transform, mapping: { why: record.email } }
  - { name: remove, type: http_request, connector: trash, path: "/c/{{ result.id }}", method: DELETE, query: { why: "{{ steps.say.result.why }}" } }`),
  );
  const { attempt, requests } = attemptAt({ index: 3, record: { email: 'a@b.c' }, result: { id: 7 } });

  await flow.undo?.run(attempt);

  expect(requests).toMatchObject([
    { method: 'DELETE', path: '/c/7', query: { why: 'a@b.c' }, step: 'remove' },
  ]);
  expect(flow.undo).toMatchObject({ retry: { retries: 4 }, redact: ['record.email'], hasEffects: true });
  expect(flow.expects).toEqual([]);
  expect(flow.connectors.map(({ name }) => name)).toEqual(['crm', 'trash']);
});

test('an undo that reaches further than connectors makes the flow wait for a person, too', () => {
  const flow = compiledFlow(steps('  - { name: clean, type: shell, command: "rm {{ result.id }}" }'));

  expect(flow.needs.codeSteps).toEqual(['shell']);
  expect(flow.needs.approval).not.toEqual([]);
});

test('what is wrong with the steps of an undo is named with its place', () => {
  const problems = problemsOf(
    steps(`  - { name: a, type: http_request, connector: crm, path: "/c/{{ result.ids }}", method: DELETE }
  - { name: b, type: http_request, connector: crm, path: "/c/{{ steps.add.result.id }}", method: DELET }`),
  );

  expect(problems.join('\n')).toMatch(/^a.yaml:8:\d+ .*result has no "ids" here; did you mean "id"\?/m);
  expect(problems.join('\n')).toMatch(/^a.yaml:9:\d+ .*steps has no "add" here/m);
  expect(problems.join('\n')).toMatch(/^a.yaml:9:\d+ .*method .*did you mean "DELETE"\?/m);
});
