import { expect, test } from 'vitest';
import { checkInput } from '../../src/operations/check-input.ts';
import { updateBatch } from '../../src/operations/update-batch.ts';

const batch_job_id = '01890000-0000-7000-8000-000000000000';

test.each([
  [{ batch_job_id, drop_dead_letters: {} }, 'drop_dead_letters: expected "all", or expected array'],
  [{ batch_job_id, action: 'stop' }, 'action: invalid option: expected one of "pause"|"resume"|"cancel"'],
  [{ action: 'pause' }, 'batch_job_id: is missing'],
  [{ batch_job_id, acton: 'pause' }, 'there is no parameter acton (did you mean action?)'],
])('what is wrong with %j is said', (given, said) => {
  expect(() => checkInput(updateBatch, given)).toThrow(said);
});

test('arguments that are nested beyond all use are refused before they are looked at', () => {
  const deep = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`);

  expect(() => checkInput(updateBatch, { batch_job_id, drop_dead_letters: deep })).toThrow(
    'the arguments are nested more than 500 levels deep. Nothing was changed.',
  );
});
