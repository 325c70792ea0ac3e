import { expect, onTestFinished, test } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { type Mode, startTarget, status } from '../support/target.ts';
import { attemptAt as attemptWithout, compiledFlow } from './flow-under-test.ts';
import { attemptAt, compiled, resultOf, run } from './steps/run-flow.ts';

async function chat(answer: JsonValue | Mode) {
  const mode = typeof answer === 'object' && answer !== null && 'kind' in answer ? answer : undefined;
  const target = await startTarget({ answer: () => (mode as Mode) ?? { kind: 'ok', body: answer } });
  onTestFinished(() => target.close());
  return { connectors: `chat: { type: http, base_url: "${target.url}", allow_private: true }` };
}

const mapping = (more: string) => `flow: x\ntarget: { connector: chat, endpoint: /post, ${more} }\n`;
const step = (more: string) =>
  `steps:\n  - { name: send, type: http_request, connector: chat, path: /post, body: "{{ record }}", ${more} }\n`;
const refused = { ok: false, error: 'channel_not_found' };

/** The same of both kinds of flows, with the name of the step that fails. */
const kinds = [
  ['target', mapping],
  ['send', step],
] as const;

test.each(kinds)('an answer that success_when is true of is a success (%s)', async (_, flow) => {
  const options = await chat({ ok: true, id: 7 });

  const result = await resultOf(flow('success_when: response.body.ok'), {}, options);

  expect(result).toMatchObject({ status: 200, body: { ok: true, id: 7 } });
});

test.each(kinds)(
  'an answer that it is not true of fails the record with what the target says (%s)',
  async (name, flow) => {
    const { failure } = await run(flow('success_when: response.body.ok == true'), {}, await chat(refused));

    expect(failure).toEqual({
      class: 'data',
      code: 'answer_not_accepted',
      message: 'chat answered 200 to POST /post, and success_when is not true of the answer',
      untrustedMessage: 'channel_not_found',
      step: name,
      connector: 'chat',
    });
  },
);

test.each(kinds)(
  'with a retry_when that is true the failure is transient and waits as the answer asks (%s)',
  async (_, flow) => {
    const busy = status(200, { ok: false, error: 'ratelimited' }, { 'retry-after': '30' });
    const text = flow('success_when: response.body.ok, retry_when: response.body.error == "ratelimited"');

    const later = await run(text, {}, await chat(busy));
    const never = await run(text, {}, await chat(status(200, refused, { 'retry-after': '30' })));

    expect(later.failure).toMatchObject({
      class: 'transient',
      code: 'answer_not_accepted',
      message: 'chat answered 200 to POST /post, and retry_when asks for another try',
      untrustedMessage: 'ratelimited',
      retryAfterMs: 30_000,
    });
    expect(never.failure).toMatchObject({ class: 'data', code: 'answer_not_accepted' });
    expect(never.failure).not.toHaveProperty('retryAfterMs');
  },
);

test.each<[JsonValue | Mode, string]>([
  [{}, ', and success_when: response.body.ok cannot be decided: response.body.ok is not there'],
  [
    { kind: 'page' },
    ' with text instead of JSON, and success_when: response.body.ok cannot be decided: response.body.ok is not there',
  ],
  [status(204), ' without a body, and success_when: response.body.ok cannot be decided'],
  [{ ok: null }, ', and success_when: response.body.ok is neither true nor false'],
])(
  'an answer %j that it cannot be decided of fails the record, and a write may have been done',
  async (answer, said) => {
    for (const [, flow] of kinds) {
      const written = await run(flow('success_when: response.body.ok'), {}, await chat(answer));
      const read = await run(flow('method: GET, success_when: response.body.ok'), {}, await chat(answer));

      expect(written.failure).toMatchObject({ class: 'data', maybeApplied: true });
      expect(written.failure?.message).toContain(said);
      expect(written.failure?.message).toMatch(/^chat answered 20\d to POST \/post/);
      expect(read.failure?.class).toBe('data');
      expect(read.failure).not.toHaveProperty('maybeApplied');
    }
  },
);

test('a retry_when that cannot be decided makes no second try, and says why', async () => {
  const text = mapping('success_when: response.ok, retry_when: response.code == 7');

  const { failure } = await run(text, {}, await chat(refused));

  expect(failure).toMatchObject({ class: 'data', code: 'answer_not_accepted' });
  expect(failure?.message).toContain(
    '; retry_when: response.code == 7 cannot be decided: response.code is not there',
  );
});

test('a status that is no success fails as ever, whatever the conditions say', async () => {
  for (const [, flow] of kinds) {
    const text = flow('success_when: "true", retry_when: "true"');

    const { failure } = await run(text, {}, await chat(status(422, { ok: true, message: 'too long' })));

    expect(failure).toMatchObject({ class: 'data', code: 'http_422', untrustedMessage: 'too long' });
  }
});

test('the conditions see the status, the headers and the record, and in a step the other steps and params', async () => {
  const options = { ...(await chat({ id: 7 })), params: { wanted: 7 } };
  const inMapping = mapping(
    "success_when: \"response.status == 200 && response.headers['content-type'] == 'application/json' && response.id == record.id && source.id == item.id\"",
  );
  const inStep = `params: { wanted: 1 }\nsteps:\n  - { name: before, type: echo, message: 7 }\n${step(
    'success_when: "response.body.id == params.wanted && response.body.id == steps.before.result && response.body.id == record.id"',
  ).replace('steps:\n', '')}`;

  expect(await resultOf(inMapping, { id: 7 }, options)).toMatchObject({ status: 200 });
  expect(await resultOf(inStep, { id: 7 }, options)).toMatchObject({ status: 200 });
  expect((await run(inMapping, { id: 8 }, options)).failure?.code).toBe('answer_not_accepted');
  expect((await run(inStep, { id: 8 }, options)).failure?.code).toBe('answer_not_accepted');
});

test('success_codes come first, and success_when decides about what they let through', async () => {
  const text = step('success_codes: [2xx, 404], success_when: response.status == 404 || response.body.ok');

  expect(await resultOf(text, {}, await chat(status(404, null)))).toMatchObject({ status: 404 });
  expect((await run(text, {}, await chat(refused))).failure?.code).toBe('answer_not_accepted');
});

test('an undo is a success when its own success_when is true, or when its status says that it is gone', async () => {
  const text = `${mapping('success_when: response.ok')}result: { id: response.id }
undo: { endpoint: "/things/{{ result.id }}", success_when: response.ok && response.id == result.id && record.a == 1 }`;
  const takenBack = async (answer: JsonValue | Mode) => {
    const payload = { index: 7, record: { a: 1 }, result: { id: 3 } };
    return compiled(text).undo?.run(await attemptAt(payload, await chat(answer)));
  };

  await expect(takenBack({ ok: true, id: 3 })).resolves.toMatchObject({ status: 200 });
  await expect(takenBack(status(404, { ok: false }))).resolves.toMatchObject({ status: 404, gone: true });
  await expect(takenBack({ ok: false, id: 3, error: 'locked' })).rejects.toMatchObject({
    failure: { class: 'data', code: 'answer_not_accepted', step: 'undo', untrustedMessage: 'locked' },
  });
});

test('a large answer is looked at as a whole, and of its body only the beginning is kept', async () => {
  const options = await chat({ rows: 'x'.repeat(300_000), ok: true });

  const result = await resultOf(mapping('success_when: response.ok'), {}, options);

  expect(result).toMatchObject({ status: 200, body: { truncated: true } });
});

test('a loop waits in place for what retry_when asks for', async () => {
  const answers: JsonValue[] = [{ ok: false, error: 'busy' }, { ok: true }];
  const target = await startTarget({ answer: () => ({ kind: 'ok', body: answers.shift() ?? null }) });
  onTestFinished(() => target.close());
  const text = step(
    'for_each: [1], retry: 1x fixed(1ms), success_when: response.body.ok, retry_when: response.body.error == "busy"',
  );
  const connectors = `chat: { type: http, base_url: "${target.url}", allow_private: true }`;

  expect(await resultOf(text, {}, { connectors })).toMatchObject([{ body: { ok: true } }]);
  expect(target.hits).toHaveLength(2);
});

test('fields that the conditions read are among those a flow expects, and none is required for it', () => {
  const flow = compiledFlow(`${mapping('success_when: response.id == record.id')}mapping: { a: source.b }`);

  expect(flow.expects).toEqual([
    { path: 'b', required: false },
    { path: 'id', required: false },
  ]);
});

test('a flow without conditions asks nothing more of an answer', async () => {
  const { attempt, requests } = attemptWithout({ a: 1 });

  await compiledFlow('flow: x\ntarget: { connector: chat, endpoint: /post }').run(attempt);

  expect(requests).toMatchObject([{ judge: undefined, whole: false }]);
});
