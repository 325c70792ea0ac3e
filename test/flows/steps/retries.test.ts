import { expect, onTestFinished, test } from 'vitest';
import type { Progress } from '../../../src/domain/progress.ts';
import { failFirst, type Hit, type Mode, startTarget, status } from '../../support/target.ts';
import { resultOf, run } from './run-flow.ts';

async function target(answer: (hit: Hit) => Mode) {
  const started = await startTarget({ answer });
  onTestFinished(() => started.close());
  return started;
}

/** Fails each path the given number of times. */
const failing = (times: Record<string, number>) => (hit: Hit) =>
  failFirst(times[hit.path] ?? 0, status(503))(hit);

const flowOf = (url: string, second: string, head = '') => `
${head}
steps:
  - { name: one, type: http_request, url: "${url}/one", method: POST }
  - { name: two, type: http_request, url: "${url}/two", method: POST${second} }
on_error: { retry: 2x fixed(10ms) }
`;

test('a step with a retry of its own goes on where it broke: earlier steps are not repeated', async () => {
  const { url, hits } = await target(failing({ '/two': 1 }));
  const flow = flowOf(url, ', retry: 3x fixed(5ms)');

  const first = await run(flow);
  expect(first.broken?.again).toMatchObject({ policy: { retries: 3 }, tries: 0 });
  expect(first.broken?.progress?.failing).toEqual({ two: 1 });
  const second = await run(flow, {}, { progress: first.broken?.progress as Progress });

  expect(second.result).toMatchObject({ status: 200 });
  expect(hits.map(({ path }) => path)).toEqual(['/one', '/two', '/two']);
});

test('its retries are counted for the step alone, and then the step has failed', async () => {
  const { url } = await target(failing({ '/two': 99 }));
  const flow = flowOf(url, ', retry: 1x fixed(5ms)');

  const first = await run(flow);
  const second = await run(flow, {}, { progress: first.broken?.progress as Progress });

  expect([first.broken?.isOpen, second.broken?.isOpen]).toEqual([true, false]);
  expect(second.broken?.again).toMatchObject({ policy: { retries: 1 }, tries: 1 });
  expect(second.broken?.progress).toBeUndefined();
});

test('on_error holds once the retries of a step are used up', async () => {
  const { url } = await target(failing({ '/two': 99 }));
  const flow = flowOf(url, ', retry: 1x fixed(5ms), on_error: { type: echo, message: "gave up" }');

  const first = await run(flow);
  const second = await run(flow, {}, { progress: first.broken?.progress as Progress });

  expect(first.failure?.code).toBe('http_503');
  expect(second.result).toBe('gave up');
});

test('without a retry of its own a step has that of the flow, which repeats the flow', async () => {
  const { url, hits } = await target(failing({ '/two': 1 }));
  const flow = flowOf(url, '');

  const first = await run(flow);
  expect(first.broken?.again).toMatchObject({ policy: { retries: 2 } });
  expect(first.broken?.progress?.results).toEqual({});
  await run(flow, {}, { progress: first.broken?.progress as Progress });

  expect(hits.map(({ path }) => path)).toEqual(['/one', '/two', '/one', '/two']);
  expect(new Set(hits.map(({ headers }) => headers['idempotency-key'])).size).toBe(2);
});

test('checkpoint keeps each result as soon as it is there, and no attempt repeats the step', async () => {
  const { url, hits } = await target(failing({ '/two': 1 }));
  const flow = flowOf(url, '', 'checkpoint: true');

  const first = await run(flow);
  expect(first.kept.map(({ results }) => Object.keys(results))).toEqual([['one']]);
  const second = await run(flow, {}, { progress: first.broken?.progress as Progress });

  expect(second.result).toMatchObject({ status: 200 });
  expect(hits.map(({ path }) => path)).toEqual(['/one', '/two', '/two']);
});

test('a failure for good leaves what was kept, for a retry of the record', async () => {
  const { url } = await target((hit) => (hit.path === '/two' ? status(422) : { kind: 'ok' }));

  const { broken } = await run(flowOf(url, '', 'checkpoint: true'));

  expect(broken?.isOpen).toBe(false);
  expect(Object.keys(broken?.progress?.results ?? {})).toEqual(['one']);
});

test('a loop keeps each item, and repeats only those that failed', async () => {
  const { url, hits } = await target(failing({ '/b': 1 }));
  const flow = `
steps:
  - name: each
    type: http_request
    for_each: [a, b, c]
    url: "${url}/{{ item }}"
    method: POST
    checkpoint: true
on_error: { retry: 2x fixed(10ms) }
`;
  const first = await run(flow);
  expect(first.failure?.code).toBe('http_503');
  const second = await run(flow, {}, { progress: first.broken?.progress as Progress });

  expect(second.result).toHaveLength(3);
  expect(hits.map(({ path }) => path)).toEqual(['/a', '/b', '/b', '/c']);
  expect(hits[1]?.headers['idempotency-key']).toBe('0190-job:7:each[1]:r0');
});

test('inside a loop a step waits in place for its retry', async () => {
  const { url, hits } = await target(failing({ '/b': 2 }));
  const flow = `
steps:
  - type: batch
    items: [a, b]
    task: { type: http_request, url: "${url}/{{ item }}", retry: { max_attempts: 3, delay: 0.01 } }
`;
  // The host is written out, so the loop may fill the path.
  expect(await resultOf(flow)).toMatchObject({ stats: { processed: 2, failed: 0 } });
  expect(hits.map(({ path }) => path)).toEqual(['/a', '/b', '/b', '/b']);
});

test('an abort ends a wait inside a loop at once', async () => {
  const { url } = await target(failing({ '/a': 9 }));
  const stop = new AbortController();
  const flow = `steps:\n  - { type: batch, items: [a], task: { type: http_request, url: "${url}/{{ item }}", retry: 3x fixed(1h) } }\n`;

  const ran = run(flow, {}, { signal: stop.signal });
  setTimeout(() => stop.abort(new Error('stopped')), 100);

  await expect(ran).rejects.toThrow('stopped');
});

test('a case of a switch goes on where it broke, too', async () => {
  const { url, hits } = await target(failing({ '/two': 1 }));
  const flow = `
steps:
  - name: choose
    type: switch
    cases:
      - when: "true"
        steps:
          - { name: one, type: http_request, url: "${url}/one", method: POST }
          - { name: two, type: http_request, url: "${url}/two", method: POST, retry: 2x fixed(1ms) }
`;
  const first = await run(flow);
  const second = await run(flow, {}, { progress: first.broken?.progress as Progress });

  expect(second.result).toMatchObject({ status: 200 });
  expect(hits.map(({ path }) => path)).toEqual(['/one', '/two', '/two']);
});
