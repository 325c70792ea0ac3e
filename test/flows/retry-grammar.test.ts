import { expect, test } from 'vitest';
import { noRetry, retryDelayMs } from '../../src/domain/retry-policy.ts';
import { parseRetry, retrySchema } from '../../src/flows/retry-grammar.ts';

test.each([
  [
    '2x exponential(30s)',
    { retries: 2, backoff: 'exponential', delayMs: 30_000, maxDelayMs: 3_600_000, jitter: false },
  ],
  [
    '5x exponential(1s, jitter)',
    { retries: 5, backoff: 'exponential', delayMs: 1_000, maxDelayMs: 3_600_000, jitter: true },
  ],
  ['3x fixed(10s)', { retries: 3, backoff: 'fixed', delayMs: 10_000, maxDelayMs: 3_600_000, jitter: false }],
  [
    '3x linear(200ms, max 1m)',
    { retries: 3, backoff: 'linear', delayMs: 200, maxDelayMs: 60_000, jitter: false },
  ],
  [
    ' 4 x fixed ( 5 , max 10 , jitter ) ',
    { retries: 4, backoff: 'fixed', delayMs: 5_000, maxDelayMs: 10_000, jitter: true },
  ],
  [
    '1x fixed(2h)',
    { retries: 1, backoff: 'fixed', delayMs: 7_200_000, maxDelayMs: 7_200_000, jitter: false },
  ],
  ['0x fixed(1s)', { retries: 0, backoff: 'fixed', delayMs: 1_000, maxDelayMs: 3_600_000, jitter: false }],
  ['none', noRetry],
])('%s is understood', (text, policy) => {
  expect(parseRetry(text)).toEqual(policy);
});

test.each([
  '',
  '2',
  'exponential(30s)',
  '2x',
  '2x exp(30s)',
  '2x exponential',
  '2x exponential()',
  '2x exponential(soon)',
  '101x fixed(1s)',
  '2x fixed(1s, max)',
  '2x fixed(1s, shuffle)',
  '2x fixed(1s, jitter, jitter)',
  '2x fixed(-1s)',
  '2x fixed(99d)',
  '-1x fixed(1s)',
])('%j is not', (text) => {
  expect(parseRetry(text)).toBeUndefined();
});

test.each(['101x fixed(1s)', '2x fixed(99d)'])('the refusal of %s says the limits', (text) => {
  const [issue] = retrySchema.safeParse(text).error?.issues ?? [];

  expect(JSON.stringify(issue)).toContain('at most 100 retries, and waits up to 7d');
});

test('2x exponential(30s) waits 30 s and then 60 s', () => {
  const policy = parseRetry('2x exponential(30s)') ?? noRetry;

  expect([1, 2].map((retry) => retryDelayMs(policy, retry, 0))).toEqual([30_000, 60_000]);
});

test('jitter spreads each wait, and makes none longer than the longest', () => {
  const policy = parseRetry('4x exponential(1s, jitter, max 3s)') ?? noRetry;
  const waitsAt = (chance: number) => [1, 2, 3, 4].map((retry) => retryDelayMs(policy, retry, chance));

  expect(waitsAt(0)).toEqual([500, 1_000, 1_500, 1_500]);
  expect(waitsAt(0.999)).toEqual([1_499, 2_998, 3_000, 3_000]);
});
