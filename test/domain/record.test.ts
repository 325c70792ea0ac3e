import { expect, test } from 'vitest';
import type { Failure } from '../../src/domain/failure.ts';
import { settle } from '../../src/domain/record.ts';
import type { RetryPolicy } from '../../src/domain/retry-policy.ts';

const policy: RetryPolicy = {
  retries: 2,
  backoff: 'exponential',
  delayMs: 30_000,
  maxDelayMs: 3_600_000,
  jitter: false,
};
const transient: Failure = { class: 'transient', code: 'http_503', message: 'crm answered 503' };
const data: Failure = { class: 'data', code: 'http_422', message: 'crm answered 422' };
const record = (tries: number, wave = 0) => ({ tries, wave });

test('a done record succeeds, and one that had failed before is a retried success', () => {
  const outcome = { kind: 'done', result: 7 } as const;

  expect(settle(record(0), outcome, policy, 0)).toEqual({ status: 'succeeded', result: 7 });
  expect(settle(record(0, 1), outcome, policy, 0)).toEqual({ status: 'retried_success', result: 7 });
});

test('a transient failure waits for another attempt until the retries are used up', () => {
  const outcome = { kind: 'broken', failure: transient } as const;

  expect(settle(record(0), outcome, policy, 0)).toEqual({
    status: 'pending',
    failure: transient,
    retryInMs: 30_000,
  });
  expect(settle(record(1), outcome, policy, 0)).toEqual({
    status: 'pending',
    failure: transient,
    retryInMs: 60_000,
  });
  expect(settle(record(2), outcome, policy, 0)).toEqual({ status: 'failed', failure: transient });
  expect(settle(record(2, 3), outcome, policy, 0)).toEqual({ status: 'retried_failed', failure: transient });
});

test.each(['data', 'auth', 'conflict', 'bug', 'interrupted'] as const)(
  'a failure of class %s is final at once',
  (errorClass) => {
    const failure = { ...data, class: errorClass };

    expect(settle(record(0), { kind: 'broken', failure }, policy, 0)).toEqual({ status: 'failed', failure });
  },
);

test('a longer Retry-After wins over the policy, a shorter one does not', () => {
  const asking = (retryAfterMs: number) =>
    ({ kind: 'broken', failure: { ...transient, retryAfterMs } }) as const;

  expect(settle(record(0), asking(90_000), policy, 0)).toMatchObject({ retryInMs: 90_000 });
  expect(settle(record(0), asking(1000), policy, 0)).toMatchObject({ retryInMs: 30_000 });
});

test('an interrupted attempt is not counted', () => {
  expect(settle(record(1), { kind: 'interrupted' }, policy, 0)).toEqual({
    status: 'pending',
    uncounted: true,
  });
});

test('jitter spreads a wait over half to one and a half of its length', () => {
  const spread = { ...policy, jitter: true };
  const outcome = { kind: 'broken', failure: transient } as const;

  expect(settle(record(0), outcome, spread, 0)).toMatchObject({ retryInMs: 15_000 });
  expect(settle(record(0), outcome, spread, 0.999)).toMatchObject({ retryInMs: 44_970 });
});

test('no wait is longer than the cap', () => {
  const capped = { ...policy, retries: 100, maxDelayMs: 100_000 };

  expect(settle(record(50), { kind: 'broken', failure: transient }, capped, 0)).toMatchObject({
    retryInMs: 100_000,
  });
});

test("the policy of a step that failed decides instead of the flow's, by how often it has failed", () => {
  const again = { policy: { ...policy, retries: 1, delayMs: 500 }, tries: 0 };
  const broken = { kind: 'broken', failure: transient } as const;

  expect(settle(record(5), { ...broken, again }, policy, 0)).toMatchObject({
    status: 'pending',
    retryInMs: 500,
  });
  expect(settle(record(0), { ...broken, again: { ...again, tries: 1 } }, policy, 0).status).toBe('failed');
});

test('what a broken run leaves goes along, whatever becomes of the record', () => {
  const progress = { results: { first: 1 }, failing: { second: 1 } };

  expect(settle(record(0), { kind: 'broken', failure: transient, progress }, policy, 0)).toMatchObject({
    progress,
  });
  expect(settle(record(0), { kind: 'broken', failure: data, progress }, policy, 0)).toMatchObject({
    progress,
  });
  expect(settle(record(0), { kind: 'broken', failure: data }, policy, 0)).not.toHaveProperty('progress');
});
