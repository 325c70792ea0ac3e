import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect } from 'vitest';
import { noRedaction } from '../../src/flows/redaction.ts';
import { writeErrorFile } from '../../src/operations/write-error-files.ts';
import { createJob } from '../../src/store/create-job.ts';
import type { Database } from '../../src/store/database.ts';
import { test as base } from '../support/database.ts';
import { failureOf, newJob } from '../support/jobs.ts';

const test = base.extend<{ folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-exports-'));
    await use(folder);
    rmSync(folder, { recursive: true, force: true });
  },
});

/** A job whose records have all failed with the given payloads. */
async function failedJob(db: Database, payloads: readonly object[]): Promise<string> {
  const failure = failureOf('data', { untrustedMessage: 'said the target' });
  const records = payloads.map((payload) => ({ id: null, json: JSON.stringify(payload), failure }));
  const job = newJob(0, { records });
  await createJob(db, job);
  return job.id;
}

test('a CSV has the original columns in their order and what went wrong', async ({ db, folder }) => {
  const id = await failedJob(db, [
    { zip: '007', name: 'Ada, "the first"' },
    { zip: '1', more: { deep: true } },
  ]);

  const path = await writeErrorFile(db, id, folder, 'csv', noRedaction);

  const [header, ...rows] = parse(readFileSync(path), { bom: true }) as string[][];
  expect(header).toEqual([
    'zip',
    'name',
    'more',
    '_index',
    '_status',
    '_error_class',
    '_error_code',
    '_error',
  ]);
  expect(rows[0]?.slice(0, 5)).toEqual(['007', 'Ada, "the first"', '', '0', 'failed']);
  expect(rows[1]?.slice(0, 3)).toEqual(['1', '', '{"deep":true}']);
  expect(rows[0]?.at(-1)).toBe('The test said so: said the target');
});

test('a cell that a spreadsheet would run is made harmless', async ({ db, folder }) => {
  const id = await failedJob(db, [{ a: '=1+1', b: '+49 30', c: '@x', d: 'plain' }]);

  const path = await writeErrorFile(db, id, folder, 'csv', noRedaction);

  const [, row] = parse(readFileSync(path), { bom: true }) as string[][];
  expect(row?.slice(0, 4)).toEqual(["'=1+1", "'+49 30", "'@x", 'plain']);
});

test('NDJSON has a failed record a line, with its payload as it was', async ({ db, folder }) => {
  const id = await failedJob(db, [{ n: 1 }, { n: 2 }]);

  const path = await writeErrorFile(db, id, folder, 'ndjson', noRedaction);

  const lines = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ index, payload }) => ({ index, payload }))).toEqual([
    { index: 0, payload: { n: 1 } },
    { index: 1, payload: { n: 2 } },
  ]);
});

test('a folder that cannot be written refuses the export and harms nothing else', async ({ db, folder }) => {
  const id = await failedJob(db, [{ n: 1 }]);
  writeFileSync(join(folder, 'file'), '');

  await expect(writeErrorFile(db, id, join(folder, 'file'), 'csv', noRedaction)).rejects.toThrow(
    /cannot be written.*(EEXIST|ENOTDIR)/,
  );
});

test('a file that cannot be opened refuses the export and harms nothing else', async ({ db, skip }) => {
  skip(process.platform !== 'linux', 'needs a folder in which nobody can make a file');
  const id = await failedJob(db, [{ n: 1 }]);

  await expect(writeErrorFile(db, id, '/proc/self', 'csv', noRedaction)).rejects.toThrow(
    /cannot be written.*(ENOENT|EACCES)/,
  );
});
