import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from './written-file.ts';

const folder = await temporaryFolder();
const rowCount = 200_000;

const cells = (i: number) => [
  `CUST-${i}`,
  `user${i}@example.com`,
  `Name "${i}"`,
  `Street ${i}, city`,
  'x'.repeat(90),
];
const names = ['id', 'email', 'name', 'address', 'note'];
const json = (i: number) => JSON.stringify(Object.fromEntries(cells(i).map((cell, at) => [names[at], cell])));
const quoted = (cell: string) => (/[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

const writers = {
  ndjson: (i: number) => `${json(i)}\n`,
  json: (i: number) => `${i === 0 ? '[' : ',\n'}${json(i)}${i === rowCount - 1 ? ']' : ''}`,
  csv: (i: number) => `${i === 0 ? `${names.join()}\n` : ''}${cells(i).map(quoted).join()}\n`,
};

test.each(Object.entries(writers))('a %s file of 45 MB is read in little memory', async (format, write) => {
  const path = join(folder, `large.${format}`);
  await pipeline(Readable.from(inPieces(write)), createWriteStream(path));

  const script = join(import.meta.dirname, 'reading-memory.ts');
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, path, folder]);
  const { rows, grownMb, microsecondsPerRow } = JSON.parse(stdout);

  console.log(`${format}: ${microsecondsPerRow.toFixed(1)} µs a row, ${grownMb.toFixed(0)} MB more`);
  expect(rows).toBe(rowCount);
  expect(grownMb).toBeLessThan(100);
});

function* inPieces(write: (i: number) => string): Generator<string> {
  for (let start = 0; start < rowCount; start += 1000) {
    yield Array.from({ length: 1000 }, (_, i) => write(start + i)).join('');
  }
}
