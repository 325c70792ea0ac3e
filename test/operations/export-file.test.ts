import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { expect } from 'vitest';
import { invoke } from '../../src/cli/host.ts';
import type { OperationContext } from '../../src/operations/context.ts';
import { exportBatchErrors } from '../../src/operations/export-batch-errors.ts';
import { writeAll, writeExport, writtenFor } from '../../src/operations/export-file.ts';
import { createJob } from '../../src/store/create-job.ts';
import { test as base } from '../support/database.ts';
import { failureOf, newJob } from '../support/jobs.ts';
import { pipedTerminal } from '../support/piped-terminal.ts';

const test = base.extend<{ folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from here
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-exports-'));
    await use(folder);
    rmSync(folder, { recursive: true, force: true });
  },
});

/** Content that ends when it is let go, and counts how often it is read. */
function heldContent() {
  const state = { readings: 0 };
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  async function* rows() {
    const reading = ++state.readings;
    await held;
    yield { reading };
  }
  const content = { rows, toJson: (row: object) => ({ ...row }), fields: () => ({}), ownColumns: {} };
  return { state, content, letGo: () => letGo() };
}

test('a file is written once at a time, and who asks meanwhile gets what was true then', async ({
  folder,
}) => {
  const path = join(folder, 'one.ndjson');
  const { state, content, letGo } = heldContent();
  const ask = () => writeExport(folder, path, 'ndjson', content);

  const first = ask();
  while (state.readings === 0) await turn();
  const others = Array.from({ length: 5 }, ask);
  await sleep(50);
  expect(state.readings).toBe(1);
  expect(readdirSync(folder)).toHaveLength(1);
  letGo();
  await Promise.all([first, ...others]);

  expect(state.readings).toBe(2);
  expect(readFileSync(path, 'utf8')).toBe('{"reading":2}\n');
  await ask();
  expect(state.readings).toBe(3);
});

test('a writing that fails takes nobody else with it', async ({ folder }) => {
  const path = join(folder, 'one.ndjson');
  let readings = 0;
  const failsAtFirst = async function* () {
    if (++readings === 1) throw new Error('the database is away');
    yield {};
  };
  const content = { rows: failsAtFirst, toJson: () => ({}), fields: () => ({}), ownColumns: {} };
  const ask = () => writeExport(folder, path, 'ndjson', content);

  const [first, second] = await Promise.allSettled([ask(), ask()]);

  expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
  expect(readdirSync(folder)).toEqual(['one.ndjson']);
});

test('files of many records are finished after the answer, unless the process ends with it', async () => {
  const written: string[] = [];
  const write = async (format: string) => {
    await turn();
    written.push(format);
    return format;
  };
  const told: number[] = [];

  expect(await writeAll({}, 50_001, write)).toBe(false);
  expect(written).toEqual([]);
  await expect.poll(() => written).toEqual(['csv', 'ndjson', 'json']);
  written.length = 0;
  expect(await writeAll({ awaitFiles: (records) => told.push(records) }, 50_001, write)).toBe(true);
  expect(written).toEqual(['csv', 'ndjson', 'json']);
  expect(told).toEqual([50_001]);
});

test('a command of the terminal names only files that are there, however many records they hold', async ({
  db,
  folder,
}) => {
  const failure = failureOf('data');
  const job = newJob(0, { records: [{ id: null, json: '{}', failure }] });
  await createJob(db, job);
  await db.run((sql) => sql`update batch_jobs set total = 50001, failed = 50001 where id = ${job.id}`);
  const context = { open: async () => ({ db }), exportsFolder: folder } as unknown as OperationContext;
  const { terminal, said } = pipedTerminal();

  const { files } = await invoke({ terminal, context: () => context }, exportBatchErrors, {
    batch_job_id: job.id,
    limit: 1,
  });

  const paths = [files?.csv.path, files?.ndjson.path, files?.json.path];
  expect(
    readdirSync(folder)
      .map((name) => join(folder, name))
      .sort(),
  ).toEqual(paths.sort());
  expect((await said()).stderr).toBe(
    'Writing the files of 50,001 records; that may take a minute or more.\n',
  );
});

test('a file that cannot be written is told with its folder, but not to a caller elsewhere', async ({
  folder,
}) => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const below = join(file, 'exports');
  const content = { rows: async function* () {}, toJson: () => null, fields: () => ({}), ownColumns: {} };
  const write = () => writeExport(below, join(below, 'one.csv'), 'csv', content);
  const saidTo = (caller: { isRemote?: boolean }) => writtenFor(caller, write()).catch(String);

  expect(await saidTo({})).toContain(`cannot be written to ${below} (ENOTDIR)`);
  expect(await saidTo({ isRemote: true })).toContain('cannot be written on the server (ENOTDIR)');
  expect(await saidTo({ isRemote: true })).not.toContain(folder);
});

test('a column of the record keeps its name, and one that came of it gets a number', async ({ folder }) => {
  const path = join(folder, 'results.csv');
  const rows = [
    { payload: { id: '1', result: 'theirs' }, made: { result: 'ours' } },
    {
      payload: { id: '2', 'result.id': 'a' },
      made: { 'result.id': 'b', 'result.id_2': 'c', 'result.n': 'd' },
    },
  ];
  const content = {
    rows: async function* () {
      yield* rows;
    },
    toJson: () => null,
    fields: ({ payload }: (typeof rows)[number]) => payload as Record<string, string>,
    madeFields: ({ made }: (typeof rows)[number]) => made as Record<string, string>,
    ownColumns: { _index: () => '0' },
  };

  await writeExport(folder, path, 'csv', content);

  expect(readFileSync(path, 'utf8').trim().replace('\ufeff', '').split('\n')).toEqual([
    'id,result,result.id,result_2,result.id_3,result.id_2,result.n,_index',
    '1,theirs,,ours,,,,0',
    '2,,a,,b,c,d,0',
  ]);
});
