import { expect, test } from 'vitest';
import { nextStep } from '../../src/operations/status-advice.ts';
import type { BatchJob } from '../../src/store/jobs.ts';

const broken = {
  id: 'JOB',
  status: 'failed',
  stopReason: 'source_broken',
  intake: 'stopped',
  intakePosition: 300,
  finishedAt: new Date(0),
  purgedAt: null,
  setAside: 0,
} as BatchJob;

const none = { pending: 0, processing: 0, succeeded: 0, failed: 0, retried_success: 0, retried_failed: 0 };
const adviceFor = (counts: object) =>
  nextStep({ ...broken, counts: { ...none, skipped: 0, ...counts } }, undefined, {
    ending: undefined,
    isCut: false,
    arrived: undefined,
  });

test('after a file that broke off a person does one of two things, since both would send records twice', () => {
  const advice = adviceFor({ skipped: 300 });

  expect(advice).toMatch(/up to row 300 only\. Either mend it and start a new job with all of it, or let/);
  expect(advice).toContain('"statuses": ["skipped"]}} go on with the 300 skipped records');
});

test('once what was read has been sent, only the rows behind it are left to do', () => {
  const advice = adviceFor({ retried_success: 300 });

  expect(advice).toBe(
    'The file was read up to row 300 only. Mend it and start a new job with the rows behind that.',
  );
});

test.each([
  ['shop answered 429 to the last 10 calls.', true],
  ['shop answered 503 to the last 10 calls.', false],
])('a job paused because %s is slowed down if that helps: %s', (pauseMessage, helps) => {
  const paused = { ...broken, status: 'paused', pauseKind: 'circuit', pauseMessage } as BatchJob;

  const advice = nextStep(paused, undefined, { ending: undefined, isCut: false, arrived: undefined });

  expect(advice.includes('update_batch {"batch_job_id": "JOB", "rate": "5/s"}')).toBe(helps);
});
