import { setTimeout } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startTarget } from '../support/target.ts';
import { openConnector, request } from './open-connector.ts';

test('no more calls are under way than the connector allows', async () => {
  const target = await startTarget({ answer: () => ({ kind: 'ok', delayMs: 10 }) });
  onTestFinished(() => target.close());
  const connector = openConnector(target.url, { concurrency: 3 });

  await Promise.all(Array.from({ length: 20 }, () => connector.call(request())));

  expect(target.hits).toHaveLength(20);
  expect(target.peakInFlight).toBe(3);
});

test('no window of time holds more calls than the rate, wherever it begins', async () => {
  const target = await startTarget();
  onTestFinished(() => target.close());
  const connector = openConnector(target.url, { rate: { count: 5, windowMs: 300 } });
  const call = () => connector.call(request());

  await call();
  // Late in a window that began with the first call, so that two windows could meet in a burst.
  await setTimeout(200);
  await Promise.all(Array.from({ length: 12 }, call));

  const times = target.hits.map(({ at }) => at);
  // What arrives may be a little closer together than what was sent.
  for (const [index, at] of times.slice(5).entries()) expect(at - (times[index] ?? 0)).toBeGreaterThan(250);
});

test('the time spent waiting for a free place does not count against the time limit', async () => {
  const target = await startTarget({ answer: () => ({ kind: 'ok', delayMs: 100 }) });
  onTestFinished(() => target.close());
  const connector = openConnector(target.url, { concurrency: 1, timeoutMs: 250 });

  const answers = await Promise.all(Array.from({ length: 5 }, () => connector.call(request())));

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
});

test('calls that wait for their turn end when their signal aborts', async () => {
  const target = await startTarget({ answer: () => ({ kind: 'hang' }) });
  onTestFinished(() => target.close());
  const connector = openConnector(target.url, { rate: { count: 1, windowMs: 3_600_000 } });
  const stop = new AbortController();
  const calls = Array.from({ length: 30 }, () =>
    connector.call(request({ signal: stop.signal })).catch((error: unknown) => error),
  );
  await target.reached(1);

  stop.abort(new Error('over'));

  expect(new Set(await Promise.all(calls))).toEqual(new Set([stop.signal.reason]));
  expect(target.hits).toHaveLength(1);
});
