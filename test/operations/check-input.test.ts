import { expect, test } from 'vitest';
import { checkInput } from '../../src/operations/check-input.ts';
import { retryBatchFailedRecords } from '../../src/operations/retry-batch-failed-records.ts';
import { startBatch } from '../../src/operations/start-batch.ts';
import { updateBatch } from '../../src/operations/update-batch.ts';

const batch_job_id = '01890000-0000-7000-8000-000000000000';

test.each([
  [{ batch_job_id, drop_dead_letters: {} }, 'drop_dead_letters: must be all, or a list'],
  [{ batch_job_id, action: 'stop' }, 'action: must be one of pause, resume, cancel.'],
  [{ action: 'pause' }, 'batch_job_id: is missing'],
  [{ batch_job_id, action: 'resum' }, 'action: must be one of pause, resume, cancel (did you mean resume?).'],
  [{ batch_job_id, action: null }, 'action: must be one of pause, resume, cancel.'],
  [{ batch_job_id, acton: 'pause' }, 'there is no parameter acton (did you mean action?)'],
  [{ batch_job_id, drop_dead_letters: [true] }, 'drop_dead_letters[0]: must be a number, not true or false'],
  [{ batch_job_id, concurrency: 0 }, 'concurrency: must be at least 1.'],
  [{ batch_job_id, concurrency: 2.5 }, 'concurrency: must be a whole number, not a fraction.'],
  [{ batch_job_id, concurrency: 1e308 }, 'update_batch: concurrency: must be at most 1000. Nothing'],
  [{ batch_job_id, concurrency: '5' }, 'concurrency: must be a number, not a text.'],
  [{ batch_job_id: '' }, 'batch_job_id: must not be empty.'],
])('what is wrong with %j is said', (given, said) => {
  expect(() => checkInput(updateBatch, given)).toThrow(said);
});

test.each([
  [[1], 'records[0]: must be an object, not a number'],
  [['a', []], 'records[0]: must be an object, not a text; records[1]: must be an object, not a list'],
  [[], 'records: must have at least 1 item.'],
  ['x', 'records: must be a list, not a text'],
  ['', 'start_batch: records: must be a list, not a text. Nothing'],
])('records that are none are refused in words of people: %j', (records, said) => {
  expect(() => checkInput(startBatch, { flow_id: 'a', records })).toThrow(said);
});

test.each([
  [{ source: { pth: 'a.csv' } }, 'there is no parameter source.pth (did you mean path?)'],
  [{ source: { label: 'a' } }, 'there is no parameter source.label (did you mean label?)'],
  [
    { batch: { unheard: 1, of: 2 } },
    /no parameter batch\.unheard \(there are continue_on_error, .*\); .*batch\.of\. N/,
  ],
])('inside of %j the names that are known there are told', (given, said) => {
  expect(() => checkInput(startBatch, { flow_id: 'a', ...given })).toThrow(said);
});

test.each([
  '{"flow_id": "a", "records": [{"deep": [{"__proto__": {}}]}]}',
  '{"flow_id": "a", "__proto__": 1}',
])('a name that would be dropped on the way is refused: %s', (given) => {
  expect(() => checkInput(startBatch, JSON.parse(given))).toThrow(
    /a field has the name __proto__, which a call cannot give.*Nothing was changed/,
  );
});

test('arguments that are nested beyond all use are refused before they are looked at', () => {
  const deep = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`);

  expect(() => checkInput(updateBatch, { batch_job_id, drop_dead_letters: deep })).toThrow(
    'the arguments are nested more than 500 levels deep. Nothing was changed.',
  );
});

/** The refusal of a call. */
function refusal(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was refused';
}

test('however many names nobody knows a call brings, its refusal is short', () => {
  const names = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`u${n}`, 1]));
  const long = { [`patch${'x'.repeat(100_000)}`]: 1 };
  const retry = { batch_job_id, patch: { set: { ['x'.repeat(100_000)]: 1 } } };
  const letters = { batch_job_id, drop_dead_letters: Array(9000).fill('broken') };
  const manyStatuses = { batch_job_id, select: { statuses: Array(100_000).fill('broken') } };

  const said = [
    refusal(() => checkInput(updateBatch, { ...names, batch_job_id })),
    refusal(() => checkInput(startBatch, { flow_id: 'a', batch: names })),
    refusal(() => checkInput(updateBatch, long)),
    refusal(() => checkInput(retryBatchFailedRecords, retry)),
    refusal(() => checkInput(retryBatchFailedRecords, manyStatuses)),
    refusal(() => checkInput(updateBatch, letters)),
  ];

  for (const words of said) expect(words.length).toBeLessThan(2000);
  expect(said.slice(0, 2)).toEqual([
    expect.stringContaining('and 99992 more. Nothing was changed.'),
    expect.stringMatching(/no parameter batch\.u7; and 99992 more\. Nothing was changed\.$/),
  ]);
  expect(said[4]).toContain('select.statuses: must have at most 20 items');
  expect(said[5]).toMatch(/drop_dead_letters\[7\]: must be a number, not a text; and 8992 more\. N/);
});

test('a patch names few enough fields to be carried out with every record', () => {
  const set = Object.fromEntries(Array.from({ length: 201 }, (_, n) => [`f${n}`, n]));

  expect(refusal(() => checkInput(retryBatchFailedRecords, { batch_job_id, patch: { set } }))).toContain(
    'patch.set: must name 200 fields at most; source takes a file with any number',
  );
});
