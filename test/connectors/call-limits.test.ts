import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { CallLimits } from '../../src/connectors/call-limits.ts';
import { NeverLeft } from '../../src/connectors/never-left.ts';
import { shareRegistry } from '../../src/connectors/shared-registry.ts';
import {
  fullestWindow,
  type Hit,
  type Mode,
  ok,
  startTarget,
  status,
  tooManyRequests,
} from '../support/target.ts';
import { failureOf, openConnector, request } from './open-connector.ts';
import { setup } from './registry-under-test.ts';

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
  const connector = openConnector(target.url, { rate: { count: 60, windowMs: 2000 } });
  const call = () => connector.call(request());

  await call();
  // Late in a window that began with the first call, so that two windows could meet in a burst.
  await sleep(1400);
  await Promise.all(Array.from({ length: 50 }, () => callInTurn(call, 3)));

  expect(target.hits).toHaveLength(151);
  // What arrives may be a little closer together than what was sent.
  expect(fullestWindow(target.hits, 1800)).toBeLessThanOrEqual(60);
});

async function callInTurn(call: () => Promise<unknown>, times: number): Promise<void> {
  for (let round = 0; round < times; round++) await call();
}

test('calls that come from several registries of a process keep to one rate', async () => {
  const target = await startTarget();
  onTestFinished(() => target.close());
  const declared = (rate: string) => `crm: { type: http, base_url: "${target.url}", rate: ${rate} }`;
  const { folder, secretsFile } = await setup(declared('5/s'));
  const shared = shareRegistry({ folder, env: {}, secretsFile, allowPrivateHosts: true });
  onTestFinished(() => shared.close());
  const callAll = async (count: number) => {
    const connector = (await shared()).http('crm');
    await Promise.all(Array.from({ length: count }, () => connector.call(request())));
  };

  await callAll(5);
  await writeFile(join(folder, 'connectors.yaml'), declared('8/s'));
  await callAll(4);

  expect(fullestWindow(target.hits, 1000)).toBe(8);
  expect(fullestWindow(target.hits, 500)).toBeLessThanOrEqual(8);
});

test('a process keeps to its share of the limits, and waits as long as it has none', async () => {
  const target = await startTarget({ answer: () => ({ kind: 'ok', delayMs: 20 }) });
  onTestFinished(() => target.close());
  const limits = new CallLimits({ concurrency: 5 });
  const connector = openConnector(target.url, { concurrency: 5 }, undefined, limits);

  limits.share = { of: 0, at: 0 };
  const calls = Promise.all(Array.from({ length: 10 }, () => connector.call(request())));
  await sleep(50);
  expect(target.hits).toHaveLength(0);
  expect(limits.throttle).toEqual({ concurrency: 0, perSecond: 0, restMs: 0 });
  limits.share = { of: 2, at: 1 };
  await calls;

  expect(target.peakInFlight).toBe(2);
});

test('a target that bears eight calls at once soon gets no more, and all of its capacity afterwards', async () => {
  let most = 8;
  const answer = (_: Hit, inFlight: number): Mode =>
    inFlight > most ? status(429) : { kind: 'ok', delayMs: 2 };
  const target = await startTarget({ answer });
  onTestFinished(() => target.close());
  const limits = new CallLimits();
  const connector = openConnector(target.url, {}, undefined, limits);
  const called = async () => connector.call(request()).catch(() => {});

  await Promise.all(Array.from({ length: 50 }, () => callInTurn(called, 40)));
  const refused = target.hits.filter((hit) => hit.status === 429).length;
  const throttled = limits.throttle;
  most = 50;
  while (limits.throttle !== undefined) {
    await Promise.all(Array.from({ length: 50 }, () => callInTurn(called, 10)));
  }

  // Without it most of the first two thousand would have been refused.
  expect(refused).toBeLessThan(400);
  expect(throttled).toMatchObject({ concurrency: expect.any(Number), restMs: 0 });
  expect(throttled?.concurrency).toBeLessThan(16);
  expect(throttled?.perSecond).toBeGreaterThan(10);
});

test('one refusal among many answers holds back nothing but its own record', async () => {
  const target = await startTarget({ answer: ({ id }) => (id === 'busy' ? tooManyRequests(60) : ok) });
  onTestFinished(() => target.close());
  const limits = new CallLimits();
  const connector = openConnector(target.url, { timeoutMs: 500 }, undefined, limits);
  const callMany = () => Promise.all(Array.from({ length: 10 }, () => connector.call(request())));

  await callMany();
  const failure = await failureOf(connector.call(request({ body: { id: 'busy' } })));
  await callMany();

  expect(failure).toMatchObject({ retryAfterMs: 60_000 });
  expect(limits.throttle).toBeUndefined();
  expect(target.hits).toHaveLength(21);
});

test('a Retry-After lets the whole connector rest, and calls that were not sent wait for its end', async () => {
  const target = await startTarget({ answer: ({ id }) => (id === 'busy' ? tooManyRequests(1) : ok) });
  onTestFinished(() => target.close());
  const limits = new CallLimits();
  const connector = openConnector(target.url, { timeoutMs: 500 }, undefined, limits);
  const stop = new AbortController();

  expect(await failureOf(connector.call(request({ body: { id: 'busy' } })))).toMatchObject({
    retryAfterMs: 1000,
  });
  const rested = connector.call(request());
  const stopped = connector.call(request({ signal: stop.signal }));
  expect(limits.throttle?.restMs).toBeGreaterThan(800);
  stop.abort(new Error('over'));
  await expect(stopped).rejects.toBeInstanceOf(NeverLeft);
  await rested;

  const [first, second] = target.hits.map(({ at }) => at);
  expect(target.hits).toHaveLength(2);
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThan(950);
  expect(limits.throttle).toBeUndefined();
});

test('an answer with 200 that a flow takes for a wish to be called less counts as a 429 does', async () => {
  const answers = async (errorClass: 'transient' | 'data') => {
    const target = await startTarget();
    onTestFinished(() => target.close());
    const limits = new CallLimits();
    const judge = () => ({ errorClass, code: 'answer_not_accepted', words: '', isDoubtful: false });
    const connector = openConnector(target.url, {}, undefined, limits);
    await Promise.all(Array.from({ length: 8 }, () => failureOf(connector.call(request({ judge })))));
    return limits.throttle;
  };

  expect(await answers('transient')).toMatchObject({ concurrency: expect.any(Number) });
  expect(await answers('data')).toBeUndefined();
});

test('without adaptive the complaints of a target change nothing', async () => {
  const target = await startTarget({ answer: () => tooManyRequests(5) });
  onTestFinished(() => target.close());
  const limits = new CallLimits({ adaptive: false });
  const connector = openConnector(target.url, {}, undefined, limits);

  await Promise.all(Array.from({ length: 20 }, () => failureOf(connector.call(request()))));
  await failureOf(connector.call(request()));

  expect(target.hits).toHaveLength(21);
  expect(limits.throttle).toBeUndefined();
});

test('the time spent waiting for a free place does not count against the time limit', async () => {
  const target = await startTarget({ answer: () => ({ kind: 'ok', delayMs: 100 }) });
  onTestFinished(() => target.close());
  const connector = openConnector(target.url, { concurrency: 1, timeoutMs: 250 });

  const answers = await Promise.all(Array.from({ length: 5 }, () => connector.call(request())));

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
});

test('calls that wait for their turn end when their signal aborts, and say that they never left', async () => {
  const target = await startTarget({ answer: () => ({ kind: 'hang' }) });
  onTestFinished(() => target.close());
  const connector = openConnector(target.url, { rate: { count: 1, windowMs: 3_600_000 } });
  const stop = new AbortController();
  const calls = Array.from({ length: 30 }, () =>
    connector.call(request({ signal: stop.signal })).catch((error: unknown) => error),
  );
  await target.reached(1);

  stop.abort(new Error('over'));

  const [sent, ...waited] = await Promise.all(calls);
  expect(sent).toBe(stop.signal.reason);
  expect(waited.every((error) => error instanceof NeverLeft && error.cause === sent)).toBe(true);
  expect(target.hits).toHaveLength(1);
});
