import { expect, test } from 'vitest';
import type { Failure } from '../../src/domain/failure.ts';
import type { Progress } from '../../src/domain/progress.ts';
import { StepLedger } from '../../src/flows/step-ledger.ts';
import { quickRetry } from '../support/engine.ts';

const busy: Failure = { class: 'transient', code: 'http_503', message: 'crm answered 503' };
const lost: Failure = { class: 'interrupted', code: 'answer_lost', message: 'Lost', maybeApplied: true };
const dealtWith = { status: 'failed', result: null, error: 'Lost' } as const;

/** Knows of one step whose answer was lost. */
function ledgerOf(save?: (progress: Progress) => Promise<void>): StepLedger {
  const ledger = new StepLedger(quickRetry(1), { save });
  ledger.dealtWith('one', lost);
  ledger.pass('one', dealtWith);
  ledger.pass('other', { status: 'done', result: 1 });
  return ledger;
}

test('an attempt that is followed by another tells of a lost answer, and the other one knows the step', () => {
  const broken = ledgerOf().anotherTry(undefined, busy);

  expect(broken?.failure).toEqual({ ...busy, maybeApplied: true });
  expect(broken?.progress?.passed).toEqual({ one: { ...dealtWith, isLost: true } });
});

test('a checkpoint keeps what was lost where it outlives the process', async () => {
  const saved: Progress[] = [];
  const ledger = ledgerOf(async (progress) => void saved.push(progress));

  await ledger.keep('two', 2, { isRepeatable: true, within: undefined });

  expect(saved).toEqual([
    { results: { two: 2 }, passed: { one: { ...dealtWith, isLost: true } }, failing: {} },
  ]);
});
