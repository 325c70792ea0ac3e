import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface BenchRecord {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly company: string;
  readonly note: string;
}

const note = 'Met at the fair in spring; wants a call back in the second week of the month.';

/** A record of about 200 bytes as JSON. */
export function makeRecord(n: number): BenchRecord {
  return {
    id: n,
    name: `Customer Number ${n}`,
    email: `customer.${n}@example.com`,
    company: `Example Trading Company ${n % 1000}`,
    note,
  };
}

export const makeRecords = (count: number): BenchRecord[] =>
  Array.from({ length: count }, (_, n) => makeRecord(n));

/** Writes `count` records as NDJSON, a piece at a time. */
export async function writeNdjson(path: string, count: number): Promise<void> {
  await pipeline(Readable.from(pieces(count)), createWriteStream(path));
}

function* pieces(count: number): Generator<string> {
  const rows = 5000;
  for (let from = 0; from < count; from += rows) {
    const length = Math.min(rows, count - from);
    yield Array.from({ length }, (_, n) => `${JSON.stringify(makeRecord(from + n))}\n`).join('');
  }
}

/** Parts of `size` of a list, in order. */
export function* chunks<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size);
}
