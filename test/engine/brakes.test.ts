import { expect, test } from 'vitest';
import type { ClaimedRecord, Settlement } from '../../src/domain/record.ts';
import { Brakes } from '../../src/engine/brakes.ts';
import type { LaneOptions } from '../../src/engine/lane-options.ts';
import type { BatchJob } from '../../src/store/jobs.ts';
import { noConnectors } from '../support/connectors.ts';
import { testFlow } from '../support/engine.ts';
import { failureOf } from '../support/jobs.ts';

const fresh = { continueOnError: true, failuresForgiven: 0, waveFailed: 0, waveTried: 0, failureWindow: 3 };
const settings = { failures: 2, authFailures: 2, firstProbeMs: 50, longestProbeMs: 200 };
const fixed = { id: null, payload: null, revision: 0, claim: 1, tries: 0, wave: 0, isFresh: true };
const record = (index: number): ClaimedRecord => ({ ...fixed, index, progress: undefined });

/** The brakes of a lane that has just begun. */
function brakesOf(limits: Pick<BatchJob, 'maxFailures' | 'maxFailureRate'>): Brakes {
  const job = { ...fresh, ...limits } as BatchJob;
  const connectors = noConnectors({ circuit: () => settings });
  return new Brakes({ job, flow: testFlow(() => null), connectors } as unknown as LaneOptions);
}

const noLimit = { maxFailures: null, maxFailureRate: null };
const misfit: Settlement = { status: 'failed', failure: failureOf('data') };
const waits = (): Settlement => ({
  status: 'pending',
  failure: failureOf('transient', { code: 'http_503', connector: 'crm-system' }),
  retryInMs: 1000,
});

test('a record that is refused without a run counts for max_failures from then on', () => {
  const brakes = brakesOf({ ...noLimit, maxFailures: 2 });

  brakes.noteRefused(record(0), misfit);
  expect(brakes.allow(record(1))).toBe(true);

  brakes.noteRefused(record(1), misfit);
  expect(brakes.allow(record(2))).toBe(false);
  expect(brakes.areDue).toBe(true);
});

test('a record that is refused without a run counts for max_failure_rate from then on', () => {
  const brakes = brakesOf({ ...noLimit, maxFailureRate: 1 });

  for (const index of [0, 1]) brakes.noteRefused(record(index), misfit);
  expect(brakes.allow(record(2))).toBe(true);

  brakes.noteRefused(record(2), misfit);
  expect(brakes.allow(record(3))).toBe(false);
});

test('a record that is refused without a run says nothing of a connector in trouble', () => {
  const brakes = brakesOf(noLimit);

  brakes.note(record(0), waits());
  brakes.noteRefused(record(1), misfit);
  expect(brakes.circuit.trouble).toBeUndefined();

  brakes.note(record(2), waits());
  expect(brakes.circuit.trouble?.message).toMatch(/to the last 2 calls/);
});
