import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { test as base } from '../support/database.ts';
import { type Connected, connect } from '../support/mcp.ts';

const flow = `flow: book
target: { connector: echo }
redact: [iban]
mapping: { name: source.name | required, amount: source.amount | number | required }
on_error: { retry: none, then: dead-letter }
`;

const test = base.extend<{ mcp: Connected }>({
  mcp: async ({ db }, use) => {
    const connected = await connect(db, { 'book.yaml': flow });
    await use(connected);
    await connected.close();
  },
});

const row = (n: number) => ({ name: `n${n}`, amount: 'many', iban: `DE${n}${n}${n}` });

/** Runs records through the flow to their end; all of them fail. */
async function failed(mcp: Connected, records: readonly object[], more: object = {}): Promise<string> {
  const { batch_job_id } = await mcp.call('start_batch', { flow_id: 'book', records, ...more });
  await mcp.finish(batch_job_id);
  return batch_job_id;
}

function giveBack(mcp: Connected, batch_job_id: string, name: string, text: string) {
  const patch = { source: { path: mcp.write(name, text) } };
  return mcp.call('retry_batch_failed_records', { batch_job_id, patch });
}

test.for(['csv', 'ndjson', 'json'] as const)(
  'a %s file of dead letters corrects the records of no other job',
  async (format, { mcp }) => {
    const [mine, other] = [await failed(mcp, [row(0)]), await failed(mcp, [row(1), row(2)])];
    const { files } = await mcp.call('export_batch_errors', { dead_letters: true, flow_id: 'book' });
    const text = readFileSync(files[format].path, 'utf8').replaceAll('many', '7');
    const lines = text.trimEnd().split('\n');
    const isOfOthers = (line: string) => /[0-9a-f]{8}-/.test(line) && !line.includes(mine);
    const onlyMine = lines
      .filter((line) => !isOfOthers(line))
      .join('\n')
      .replace(/,(?=\n\]$)/, '');

    const all = giveBack(mcp, mine, `all.${format}`, text);

    await expect(all).rejects.toThrow(
      new RegExp(`line \\d+: belongs to batch job "${other}"; keep only the rows .*Nothing was changed`),
    );
    expect(await giveBack(mcp, mine, `mine.${format}`, onlyMine)).toMatchObject({ selected: 1, patched: 1 });
    await mcp.finish(mine);
  },
);

test('a mask of an old export is never sent for a value that the flow masks no more', async ({ mcp }) => {
  const job = await failed(mcp, [row(0)]);
  const { files } = await mcp.call('export_batch_errors', { batch_job_id: job });
  const text = readFileSync(files.csv.path, 'utf8').replace('many', '7');
  mcp.write('flows/book.yaml', flow.replace('redact: [iban]\n', ''));
  await mcp.call('retry_batch_failed_records', { batch_job_id: job, flow_version: 'latest' });
  await mcp.finish(job);

  await expect(giveBack(mcp, job, 'old.csv', text)).rejects.toThrow(
    /line 2: "iban": \[redacted\] stands for a value that is not known here; .*Nothing was changed/,
  );
  expect(await giveBack(mcp, job, 'new.csv', text.replace('[redacted]', 'DE5'))).toMatchObject({
    patched: 1,
  });
  await mcp.finish(job);
});

test('records are found by an id that may not be seen, and one that fits none is told by its line', async ({
  mcp,
}) => {
  const job = await failed(mcp, [row(0), row(1)], { id_field: 'iban' });

  const begun = await giveBack(mcp, job, 'mine.csv', 'iban,amount\nDE000,7\nDE555,7\n');
  await mcp.finish(job);
  const masked = giveBack(mcp, job, 'masked.csv', 'iban,amount\n[redacted],7\n');

  expect(begun).toMatchObject({ selected: 1, patched: 1, not_found: { in_file: ['line 3'] } });
  await expect(masked).rejects.toThrow('line 2: has no _index and no "iban"');
});

test('a text with a character that could not be kept has to be written anew before its record is sent', async ({
  mcp,
}) => {
  const job = await failed(mcp, [{ ...row(0), name: 'A\0da', tags: ['x', '\ud83d'] }]);
  const correct = (change: object) =>
    giveBack(mcp, job, 'mine.ndjson', JSON.stringify({ _index: 0, amount: 7, ...change }));

  await expect(correct({})).rejects.toThrow(/line 1: "name" has U\+FFFD .*Nothing was changed/);
  await expect(correct({ name: 'Ada' })).rejects.toThrow('line 1: "tags" has U+FFFD');
  expect(await correct({ name: 'Ada', tags: ['x'] })).toMatchObject({ patched: 1 });
  expect((await mcp.finish(job)).counts).toMatchObject({ retried_success: 1 });
});
