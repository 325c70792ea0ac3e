import { expect, onTestFinished, test } from 'vitest';
import { openCommandLine } from '../support/command-line.ts';

function openLine() {
  const line = openCommandLine();
  onTestFinished(() => line.close());
  return line;
}

test('a file alone is profiled without a database, and fails when rows of it cannot be read', async () => {
  const line = openLine();
  line.write('rows.csv', 'id;born;note\n1;2000-01-02;=1+1\n2;unknown;x\n3;2000-01-03\n');

  const { code, stdout } = await line.run(['preview', 'rows.csv', '--id-field', 'id']);

  expect(code).toBe(1);
  expect(stdout).toMatch(/^3 rows {2}csv, utf-8, delimiter ";"\n1 row cannot be read/);
  expect(stdout).toMatch(/born +date 50 % +not so on line 3/);
  expect(stdout).toMatch(/note +text +1 cell a spreadsheet would run/);
  expect(stdout).toMatch(/1 would fail {2}row_too_short/);
  expect(stdout).toContain('`sluice flows list` shows the flows there are');
});

test('rows that come through a pipe, and rows on the line, are looked at as well', async () => {
  const line = openLine();

  const piped = await line.run(['preview', '-', '--json'], { input: '{"a": 1}\n{"a": 2}\n' });
  const inline = await line.run(['preview', '--records', '[{"a": 1}]', '--json']);

  expect(JSON.parse(piped.stdout)).toMatchObject({ rows: 2, source: { format: 'ndjson' } });
  expect(JSON.parse(inline.stdout)).toMatchObject({ rows: 1, source: { format: 'inline' } });
  expect([piped.code, inline.code]).toEqual([0, 0]);
});
