import { expect, onTestFinished, test } from 'vitest';
import { defineFlow } from '../../../src/index.ts';
import { openConnector } from '../../connectors/open-connector.ts';
import { noConnectors } from '../../support/connectors.ts';
import { failFirst, startTarget, status, type TargetOptions } from '../../support/target.ts';
import { failureOf, resultOf, run } from './run-code.ts';

async function crm(options: TargetOptions = {}, settings: Parameters<typeof openConnector>[1] = {}) {
  const target = await startTarget(options);
  onTestFinished(() => target.close());
  const connector = openConnector(target.url, settings);
  return { target, connectors: noConnectors({ http: () => connector }) };
}

const flow = (settings = {}) => defineFlow({ id: 'a', connectors: ['crm'], ...settings });

test('a call answers with the status, headers and body', async () => {
  const { target, connectors } = await crm();
  const builder = flow().step('send', async ({ fetch, payload }) => {
    const { status, headers, body } = await fetch('crm', '/customers', {
      body: payload,
      query: { dry: true, page: 2, none: undefined },
      headers: { 'x-team': 'ops' },
      timeout: '5s',
    });
    return { status, type: headers['content-type'], ok: body.ok };
  });

  const result = await resultOf(builder, { id: 5 }, { connectors });

  expect(result).toEqual({ status: 200, type: 'application/json', ok: true });
  expect(target.hits).toMatchObject([
    { method: 'POST', path: '/customers?dry=true&page=2', body: { id: 5 }, headers: { 'x-team': 'ops' } },
  ]);
});

test('a body that JSON.stringify has written already is not written as JSON once more', async () => {
  const { target, connectors } = await crm();
  const builder = flow()
    .step('object', ({ fetch, payload }) => fetch('crm', '/a', { body: JSON.stringify(payload) }))
    .step('text', ({ fetch }) => fetch('crm', '/b', { body: '[draft' }));

  await resultOf(builder, { id: 5 }, { connectors });

  expect(target.hits).toMatchObject([{ body: { id: 5 } }, { body: '[draft' }]);
});

test('without a body a call is a GET', async () => {
  const { target, connectors } = await crm();

  await resultOf(
    flow().step('read', ({ fetch }) => fetch('crm', '/customers')),
    {},
    { connectors },
  );

  expect(target.hits[0]?.method).toBe('GET');
});

test('each call has a key of its own, the same on every attempt', async () => {
  const { target, connectors } = await crm({ answer: failFirst(1, status(503)) });
  const builder = flow().forEach(
    'each',
    () => [1, 2],
    (_, inner) => {
      inner.step('send', async ({ fetch }) => {
        await fetch('crm', '/a', { body: 1 });
        await fetch('crm', '/b', { body: 2 });
      });
    },
  );

  let after = await run(builder, {}, { connectors });
  const keys = () => target.hits.map(({ key }) => key);
  const first = keys();
  while (after.failure !== undefined) after = await run(builder, {}, { connectors, after });

  expect(first).toEqual(['job-1:7:each[0].send:0:r0', 'job-1:7:each[1].send:0:r0']);
  expect(new Set(keys())).toEqual(
    new Set([0, 1].flatMap((item) => [0, 1].map((call) => `job-1:7:each[${item}].send:${call}:r0`))),
  );
});

test('the key of a step in another script fits into a header', async () => {
  const { target, connectors } = await crm();

  await resultOf(
    flow().step('送信 1', ({ fetch }) => fetch('crm', '/a', { body: 1 })),
    {},
    { connectors },
  );

  expect(target.hits[0]?.key).toBe('job-1:7:%E9%80%81%E4%BF%A1%201:0:r0');
});

test('the key of a chunk names its records', async () => {
  const { target, connectors } = await crm();
  const builder = flow({ size: 2 }).step('send', ({ fetch }) => fetch('crm', '/a', { body: 1 }));

  await resultOf(builder, [1, 2], { connectors, indexes: [4, 5] });
  await resultOf(builder, [1], { connectors, indexes: [4] });

  expect(new Set(target.hits.map(({ key }) => key)).size).toBe(2);
});

test('an answer outside 2xx fails with the class that decides about a retry', async () => {
  const { connectors } = await crm({
    answer: () => status(503, { message: 'come back later' }, { 'retry-after': '7' }),
  });
  const builder = flow().step('send', ({ fetch }) => fetch('crm', '/customers/17/notes', { body: {} }));

  expect(await failureOf(builder, {}, { connectors, text: 'fetch(crm, [/customers, id, /notes])' })).toEqual({
    class: 'transient',
    code: 'http_503',
    message: 'crm answered 503 to POST /customers/…/notes',
    connector: 'crm',
    untrustedMessage: 'come back later',
    step: 'send',
    retryAfterMs: 7000,
  });
});

test('a step may catch the failure of a call', async () => {
  const { connectors } = await crm({ answer: () => status(404) });
  const builder = flow().step('send', ({ fetch }) => fetch('crm', '/a').catch(() => 'not there'));

  expect(await resultOf(builder, {}, { connectors })).toBe('not there');
});

test('a connector that the flow does not name is not called', async () => {
  const { target, connectors } = await crm();
  const builder = defineFlow({ id: 'a', connectors: ['crm'] }).step('send', ({ fetch }) =>
    fetch('shop', '/a'),
  );

  expect(await failureOf(builder, {}, { connectors, text: "fetch('shop', '/a')" })).toMatchObject({
    class: 'data',
    code: 'connector_not_listed',
    message: 'the flow calls the connector shop without naming it; add it to connectors: [...] of defineFlow',
  });
  expect(target.hits).toEqual([]);
});

test.each([
  [
    'a method that there is not',
    '/a',
    { method: 'BREW' },
    'step send: a call cannot be meant as it is written',
  ],
  ['a timeout that is none', '/a', { timeout: 'soon' }, 'step send: a call cannot be meant as it is written'],
  [
    'a path that leads elsewhere',
    '/../admin',
    {},
    expect.stringContaining('makes a path that is not allowed'),
  ],
  [
    'a body that is no JSON',
    '/a',
    { body: { at: new Date() } },
    expect.stringContaining('the body of a call of send holds a Date'),
  ],
])('%s is a failure, and nothing is sent', async (_, path, request, message) => {
  const { target, connectors } = await crm();
  const builder = flow().step('send', ({ fetch }) => fetch('crm', path, request));

  expect(await failureOf(builder, {}, { connectors })).toMatchObject({ class: 'data', message });
  expect(target.hits).toEqual([]);
});

test('an abort ends a call that is under way', async () => {
  const { target, connectors } = await crm({ answer: () => ({ kind: 'hang' }) });
  const abort = new AbortController();
  const builder = flow().step('send', ({ fetch }) => fetch('crm', '/a', { body: 1 }));

  const running = run(builder, {}, { connectors, signal: abort.signal });
  await target.reached(1);
  abort.abort(new Error('stopping'));

  await expect(running).rejects.toThrow('stopping');
});

test('an abort leaves a lost answer to a person when the connector says so', async () => {
  const { target, connectors } = await crm({ answer: () => ({ kind: 'hang' }) }, { retryLostAnswers: false });
  const abort = new AbortController();
  const builder = flow()
    .step('send', ({ fetch }) => fetch('crm', '/a', { body: 1 }))
    .onError(() => 'dealt with');

  const failed = failureOf(builder, {}, { connectors, signal: abort.signal });
  await target.reached(1);
  abort.abort(new Error('stopping'));

  expect(await failed).toMatchObject({ class: 'interrupted', code: 'answer_lost', maybeApplied: true });
});
