import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { failFirst, type Hit, type Mode, startTarget, status } from '../../support/target.ts';
import { endingOf, run } from './run-flow.ts';

const unhandled: unknown[] = [];
const remember = (reason: unknown) => void unhandled.push(reason);
beforeAll(() => void process.on('unhandledRejection', remember));
afterAll(() => {
  process.off('unhandledRejection', remember);
  expect(unhandled).toEqual([]);
});

async function target(answer: (hit: Hit) => Mode = () => ({ kind: 'ok' })) {
  const started = await startTarget({ answer });
  onTestFinished(() => started.close());
  return started;
}

const call = (url: string, name: string, more = '') =>
  `{ name: ${name}, type: http_request, url: "${url}/${name}", method: POST${more} }`;

test('the time limit of a loop ends all of it: nothing more is begun, kept or dealt with', async () => {
  const { url, hits } = await target(() => ({ kind: 'ok', delayMs: 100 }));
  const flow = `
steps:
  - name: loop
    type: batch
    items: [1, 2, 3, 4, 5, 6, 7, 8, 9]
    continue_on_error: true
    timeout: 50ms
    task: { type: http_request, url: "${url}/{{ item }}", retry: 5x fixed(1ms), checkpoint: true }
    on_item_error: { type: echo, message: dealt with, checkpoint: true }
`;
  const { failure, kept } = await run(flow);
  const begun = hits.length;
  const keptThen = kept.length;

  expect(failure).toMatchObject({ class: 'transient', code: 'step_timeout', step: 'loop' });
  // Another call in between shows that the target would have seen more.
  await fetch(`${url}/other`);
  expect(hits.length).toBe(begun + 1);
  expect(Object.keys(kept.at(-1)?.results ?? {}).join()).not.toContain('on_item_error');
  expect(kept.length).toBe(keptThen);
});

const stopped = new Error('stopped');
const endless = {
  'a call': (url: string) => `{ type: http_request, url: "${url}/hang" }`,
  'a call whose failure is dealt with': (url: string) =>
    `{ type: http_request, url: "${url}/hang", on_error: { type: http_request, url: "${url}/error" } }`,
  'a call with a time limit': (url: string) =>
    `{ type: http_request, url: "${url}/hang", timeout: 1h, on_error: skip }`,
  'a loop': (url: string) =>
    `{ type: batch, items: [1, 2, 3], parallel: true, continue_on_error: true, task: { type: http_request, url: "${url}/hang" }, on_item_error: { type: http_request, url: "${url}/error" } }`,
  'a loop in a loop': (url: string) =>
    `{ type: batch, items: [1, 2], timeout: 1h, task: { type: http_request, for_each: [3, 4], url: "${url}/hang", on_error: continue, retry: 3x fixed(1s) } }`,
  'a switch': (url: string) =>
    `{ type: switch, on: '"a"', cases: { a: { type: http_request, url: "${url}/hang" } }, on_error: continue, retry: 2x fixed(1s) }`,
  'a wait for files': () => '{ type: batch, items: "glob:*", task: { type: echo } }',
};

test.each(Object.entries(endless))('an abort ends %s at once, with its reason', async (_, step) => {
  const { url, hits, reached } = await target(() => ({ kind: 'hang' }));
  const stop = new AbortController();
  const glob = () => new Promise<never>(() => {});
  const ran = run(`steps: [${step(url)}, ${call(url, 'after')}]\n`, {}, { signal: stop.signal, glob });
  if (step(url).includes('hang')) await Promise.race([reached(1), ran]);
  else await new Promise(setImmediate);

  const begun = performance.now();
  stop.abort(stopped);

  await expect(ran).rejects.toBe(stopped);
  expect(performance.now() - begun).toBeLessThan(1000);
  expect(hits.filter(({ path }) => path !== '/hang')).toEqual([]);
});

const lostCalls = {
  'a step': '{ type: http_request, connector: ledger, path: /hang, method: POST }',
  'a step whose failures are dealt with':
    '{ type: http_request, connector: ledger, path: /hang, method: POST, on_error: continue }',
  'a step that is tried again in a loop':
    '{ type: http_request, for_each: [1, 2], connector: ledger, path: /hang, method: POST, retry: 2x fixed(1ms) }',
  'a loop with a time limit':
    '{ type: batch, items: [1, 2], timeout: 1h, task: { type: http_request, connector: ledger, path: /hang, method: POST } }',
};

test.each(Object.entries(lostCalls))('an abort in %s leaves a lost answer to a person', async (_, step) => {
  const { url, hits, reached } = await target(() => ({ kind: 'hang' }));
  const stop = new AbortController();
  const connectors = `ledger: { type: http, base_url: "${url}", retry_lost_answers: false }`;
  const ran = run(`steps: [${step}, ${call(url, 'after')}]\n`, {}, { signal: stop.signal, connectors });
  await Promise.race([reached(1), ran]);

  stop.abort(stopped);

  expect((await ran).failure).toMatchObject({
    class: 'interrupted',
    code: 'answer_lost',
    maybeApplied: true,
  });
  expect(hits.map(({ path }) => path)).toEqual(['/hang']);
});

test('nothing runs under a signal that was aborted before', async () => {
  const { url, hits } = await target();
  const steps = [
    call(url, 'a', ', timeout: 1s'),
    '{ type: echo }',
    '{ type: batch, items: [1], task: { type: echo } }',
    `{ type: fail, on_error: continue }`,
  ];

  for (const step of steps) {
    const signal = AbortSignal.abort(stopped);
    await expect(run(`steps: [${step}]\n`, {}, { signal })).rejects.toBe(stopped);
    await expect(endingOf(`steps: [{ type: echo }]\nfinally: [${step}]\n`, [], { signal })).rejects.toBe(
      stopped,
    );
  }
  expect(hits).toEqual([]);
});

test('a sum over many records heeds an abort', async () => {
  const stop = new AbortController();
  const records = function* () {
    for (let index = 0; index < 1_000_000; index++) {
      if (index === 1000) stop.abort(stopped);
      yield { index, id: null, status: 'succeeded', payload: {}, result: index, error: null };
    }
  };
  const flow = 'steps: [{ type: echo }]\nfinally: [{ type: aggregate, sum: { all: result } }]\n';
  const ended = endingOf(flow, Object.assign([], { [Symbol.iterator]: records }), { signal: stop.signal });

  await expect(ended).rejects.toBe(stopped);
});

test('a wait inside a loop that an abort cuts short leaves no timer behind', async () => {
  const { url } = await target(failFirst(9, status(503)));
  const before = timers();
  const stop = new AbortController();
  const flow = `steps: [{ type: batch, items: [a], timeout: 1h, task: { type: http_request, url: "${url}/{{ item }}", retry: 3x fixed(1h) } }]\n`;
  const ran = run(flow, {}, { signal: stop.signal });
  await expect.poll(() => timers()).toBeGreaterThan(before + 1);

  stop.abort(stopped);

  await expect(ran).rejects.toBe(stopped);
  await expect.poll(() => timers()).toBeLessThanOrEqual(before);
});

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
