import { expect, test } from 'vitest';
import { showErrors } from '../../src/cli/show-errors.ts';
import { showFlows } from '../../src/cli/show-flows.ts';
import { showJobs } from '../../src/cli/show-jobs.ts';
import { exitCodeOf, type Status, showGroups, showStatus } from '../../src/cli/show-status.ts';
import { span, table } from '../../src/cli/table.ts';
import { toJson, visible, visibleLines } from '../../src/cli/terminal.ts';

const id = '0197a4c2-0000-7000-8000-000000000000';
const plain = { colours: false, width: Number.POSITIVE_INFINITY };
const asked = {
  input: {},
  again: (changes: object) => `again ${JSON.stringify(changes)}`,
};
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
  const errors = showErrors(
    plain,
    {
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
    },
    asked,
  );

  const text = [...errors, ...showStatus(plain, status)].join('');

  expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

test('causes that are not shown are found by a command about this job', () => {
  const text = showStatus(plain, { ...status, more_error_groups: { groups: 4, failures: 90 } });

  expect(text).toContain(`90 failures of 4 other causes; \`sluice errors ${id}\` leads to all of them.`);
});

test('a job that waits before anything was read is not said to be reading', () => {
  const waiting_for = { kind: 'connector', since: '2026-01-01T00:00:00.000Z', text: 'A secret is missing.' };
  const reading = { ...status, intake: { state: 'reading', rows_read: 0 }, waiting_for } as Status;

  expect(showStatus(plain, { ...reading, total: 0 }).join()).not.toContain('being read');
  expect(showStatus(plain, reading).join()).toContain('being read');
});

test('many causes take a line each behind the first five', () => {
  const groups = Array.from({ length: 7 }, (_, at) => ({ ...group, group_id: `g${at}`, samples: [] }));
  const errors = { batch_job_id: id, total_failed: 21, groups, errors: [], next_step: '' };

  const lines = showErrors({ ...plain, width: 40 }, { ...errors, next_groups_cursor: '7' }, asked);

  expect(lines.filter((line) => line.startsWith('3 failed'))).toHaveLength(5);
  expect(lines.filter((line) => line.startsWith('['))).toEqual([
    '[g5]  3 failed  http_422  said: "bad �[…',
    '[g6]  3 failed  http_422  said: "bad �[…',
  ]);
  expect(lines).toContain('More causes: again {"groups_cursor":"7"}');
});

const job = {
  batch_job_id: id,
  flow: 'customer-import',
  status: 'completed_with_errors',
  finished: true,
  total: 20_000,
  counts,
  failed_now: 300,
  source: '/home/ada/Documents/customers of last year.csv',
} as const;
const listed = (...ages: number[]) => ({
  jobs: ages.map((seconds) => ({
    ...job,
    created_at: new Date(Date.now() - seconds * 1000 - 500).toISOString(),
  })),
});

test('a list of jobs fits a window of 80 columns, and is whole where there is room or a pipe', () => {
  const narrow = showJobs({ width: 80 }, listed(5, 3700, 200_000), asked);
  const [, whole = ''] = showJobs(plain, listed(5), asked);

  expect(narrow).toEqual([
    'ID        FLOW         STATUS                 RECORDS  FAILED  AGE  NAME',
    '00000000  customer-i…  completed_with_errors   20,000     300   5s  …st year.csv',
    '00000000  customer-i…  completed_with_errors   20,000     300   1h  …st year.csv',
    '00000000  customer-i…  completed_with_errors   20,000     300   2d  …st year.csv',
  ]);
  expect(whole).toContain(`${id}  customer-import  completed_with_errors`);
  expect(whole).toContain('…da/Documents/customers of last year.csv');
});

test('a list that nothing fits does not say that there are no jobs', () => {
  const none = showJobs(plain, { jobs: [] }, asked);
  const noneFits = showJobs(plain, { jobs: [] }, { ...asked, input: { status: 'failed' } });

  expect(none).toEqual(['No batch jobs. `sluice start <flow> <file>` starts one.']);
  expect(noneFits).toEqual(['No batch job fits. `sluice list` shows all of them.']);
  for (const input of [{ offset: 1 }, { cursor: 'x', status: 'failed' }]) {
    expect(showJobs(plain, { jobs: [] }, { ...asked, input })).toEqual([
      'No more batch jobs. `sluice list` shows the newest of them.',
    ]);
  }
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

test('a line that a window has no room for loses the end of its last cell', () => {
  const lines = table([{ title: 'NAME' }, { title: 'ABOUT' }], [['a', 'all of it']], 12);

  expect(lines).toEqual(['NAME  ABOUT', 'a     all o…']);
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

test.each([
  ['no such row', '"no such row"'],
  ['"no such row"', '"no such row"'],
  ['"a \\" b"', '"a \\" b"'],
  ['"cut off…', '"cut off…'],
  ['"a" and "b"', '""a" and "b""'],
])('what others said is put in quotation marks unless it has its own: %s', (said, shown) => {
  const [first] = showGroups(plain, [{ ...group, samples: [], untrusted_message: said }]).filter((line) =>
    line.startsWith('  said'),
  );

  expect(first).toBe(`  said: ${shown}`);
});
