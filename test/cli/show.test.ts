import { expect, test } from 'vitest';
import { showErrors } from '../../src/cli/show-errors.ts';
import { showFlows } from '../../src/cli/show-flows.ts';
import { exitCodeOf, type Status, showStatus } from '../../src/cli/show-status.ts';
import { span, table } from '../../src/cli/table.ts';
import { toJson, visible, visibleLines } from '../../src/cli/terminal.ts';

const id = '0197a4c2-0000-7000-8000-000000000000';
const plain = { colours: false };
const counts = {
  pending: 0,
  processing: 0,
  succeeded: 1200,
  failed: 3,
  retried_success: 0,
  retried_failed: 0,
  skipped: 0,
};
const group = {
  group_id: 'g1',
  count: 3,
  share: 1,
  error_class: 'data',
  code: 'http_422',
  message: 'crm-system answered 422 to POST /api/customers',
  untrusted_message: 'bad \u001b[31memail\u001b[0m',
  retryable: false,
  first_at: '2026-01-01T00:00:01.000Z',
  last_at: '2026-01-01T00:00:09.000Z',
  samples: [],
  next_step: 'Correct the data.',
} as const;
const status: Status = {
  batch_job_id: id,
  status: 'completed_with_errors',
  finished: true,
  total: 1203,
  flow: { flow_id: 'f', name: 'customer-import', version: 1, revision: 'r' },
  processed: 1203,
  counts,
  failed_now: 3,
  percent: 100,
  rate: 80.5,
  eta_seconds: null,
  wave: 0,
  concurrency: 5,
  maybe_applied: 0,
  error_groups: [{ ...group, samples: [{ index: 4 }] }],
  started_at: '2026-01-01T00:00:00.000Z',
  finished_at: '2026-01-01T00:00:15.000Z',
  next_step: 'Finished with failures.',
};

test('a status shows each count that is not zero, and every cause with its remedy', () => {
  const text = showStatus(plain, status).join('\n');

  expect(text).toContain(id);
  expect(text).toContain('1,203 of 1,203 records (100 %), in 15 s, 80.5/s');
  expect(text).toMatch(/succeeded +1,200\n +failed +3\n/);
  expect(text).not.toContain('skipped');
  expect(text).toContain('3 failed  data, http_422');
  expect(text).toContain('100 % of failures; 2026-01-01 00:00:01 to 2026-01-01 00:00:09; record 4\n');
  expect(text).toContain('Correct the data.');
});

test('after a retry no time is told, since the days before it would count', () => {
  expect(showStatus(plain, { ...status, wave: 1 }).join('\n')).toContain('1,203 records (100 %), 80.5/s');
});

test('what a target said cannot steer the terminal', () => {
  const errors = showErrors(plain, {
    batch_job_id: id,
    total_failed: 1,
    groups: [],
    errors: [
      {
        index: 4,
        id: 'a\u0007b',
        status: 'failed',
        attempts: 1,
        group_id: 'g1',
        error: { class: 'data', code: 'c', message: 'm', untrusted_message: '\u009b2J' },
        payload: { name: '\u202egnp.exe' },
      },
    ],
    next_step: '',
  });

  const text = [...errors, ...showStatus(plain, status)].join('');

  expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

test('foreign text stays on one line, and a foreign text of several lines keeps them', () => {
  expect(visible(' a\r\n\tb\u001b[2J ')).toBe('a b�[2J');
  expect(visibleLines('a: 1\nb: \u001b[2J')).toBe('a: 1\nb: �[2J');
});

test('a JSON answer says the same and cannot steer the terminal', () => {
  const answer = { said: 'a\u009b2J\u202eb' };

  const json = toJson(answer);

  expect(json).not.toMatch(/[\u0080-\u009f\u202e]/);
  expect(JSON.parse(json)).toEqual(answer);
});

test('columns are as wide as their widest cell', () => {
  const lines = table(
    [{ title: 'NAME' }, { title: 'N', align: 'right' }],
    [
      ['a', '1'],
      ['longer', '1,000'],
    ],
  );

  expect(lines).toEqual(['NAME        N', 'a           1', 'longer  1,000']);
});

test.each([
  [0.04, '0 s'],
  [4.23, '4.2 s'],
  [59.6, '1 min 0 s'],
  [200, '3 min 20 s'],
  [7500, '2 h 5 min'],
])('%d seconds are said as %s', (seconds, said) => {
  expect(span(seconds)).toBe(said);
});

test.each([
  ['completed', true, 0],
  ['processing', false, 0],
  ['paused', false, 0],
  ['completed_with_errors', true, 1],
  ['failed', true, 1],
  ['cancelled', true, 1],
] as const)('%s exits with the code that says so', (word, finished, code) => {
  expect(exitCodeOf({ status: word, finished })).toBe(code);
});

test('a flow of many steps leaves room for the other columns of the list of flows', () => {
  const chain = Array.from({ length: 9 }, (_, n) => `step${n} (POST crm /api/${n})`).join(' → ');
  const flow = { name: 'chain', version: 1, runnable: true, summary: chain, description: 'Does a lot' };
  const listing = { folder: '/flows', flows: [flow], invalid: [], drafts: [], connectors: [], next_step: '' };

  const lines = showFlows(listing as unknown as Parameters<typeof showFlows>[0]);

  expect(lines.find((line) => line.startsWith('chain@1'))).toMatch(
    /^chain@1 +yes +step0 .{0,33}… {2}Does a lot$/,
  );
});
