import { expect, onTestFinished, test } from 'vitest';
import { momentOf } from '../../src/operations/job-filter.ts';

test.each([
  ['2026-01-31', '2026-01-31T00:00:00.000Z'],
  ['2026-01-31T08:00', '2026-01-31T08:00:00.000Z'],
  ['2026-01-31 08:00:30', '2026-01-31T08:00:30.000Z'],
  ['2026-01-31T08:00:00Z', '2026-01-31T08:00:00.000Z'],
  ['2026-01-31T08:00:00+02:00', '2026-01-31T06:00:00.000Z'],
])('since %s is %s, wherever the server stands', (text, moment) => {
  const zone = process.env.TZ;
  onTestFinished(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });
  process.env.TZ = 'Asia/Tokyo';

  expect(momentOf(text, 'list_batch_jobs').toISOString()).toBe(moment);
});

test.each(['2026-02-30', '2026-01-31T25:00', 'yesterday', '2026-01-31x', '10000-01-01'])(
  'since %s is refused',
  (text) => {
    expect(() => momentOf(text, 'search_logs')).toThrow(/^search_logs: since: .* is neither a span/);
  },
);
