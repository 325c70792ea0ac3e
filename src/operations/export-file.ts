import { mkdir, open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'csv-stringify';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import type { JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { columnOf, escapeFormula } from '../sources/spreadsheet-cells.ts';
import type { OperationContext } from './context.ts';
import { oneAtATime } from './one-at-a-time.ts';

export const exportFormats = ['csv', 'ndjson', 'json'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** What a file holds, row by row. */
export interface ExportRows<Row> {
  /** Begins anew with each call: a table is read twice, the first time for its columns. */
  readonly rows: () => AsyncIterable<Row>;
  /** The row as it stands in NDJSON and JSON. */
  readonly toJson: (row: Row) => JsonValue;
  /** The record's own fields, each with its cell, in their order. */
  readonly fields: (row: Row) => Readonly<Record<string, string>>;
  /** Fields that came of the record, likewise; a column of the record keeps its name, and theirs gets a number. */
  readonly madeFields?: (row: Row) => Readonly<Record<string, string>>;
  /** Columns behind those of the records, each with the text of its cell. */
  readonly ownColumns: Readonly<Record<string, (row: Row) => string>>;
}

/**
 * Writes a file of Sluice's own, whole or not at all, and returns its path. Streams: the number of rows costs no
 * memory. A process writes a file once at a time, however many ask for it.
 *
 * @throws SluiceError when the folder takes no file
 */
export function writeExport<Row>(
  folder: string,
  path: string,
  format: ExportFormat,
  content: ExportRows<Row>,
): Promise<string> {
  return oneAtATime(path, () => writeFile(folder, path, format, content));
}

async function writeFile<Row>(
  folder: string,
  path: string,
  format: ExportFormat,
  content: ExportRows<Row>,
): Promise<string> {
  const draft = `${path}.${uuidv7()}.tmp`;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = (await open(draft, 'wx', 0o600)).createWriteStream();
    if (format === 'csv') await writeCsv(content, file);
    else await pipeline(Readable.from(format === 'json' ? arrayOf(content) : linesOf(content)), file);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    throw notWritten(error, folder);
  }
  return path;
}

/**
 * What keeps a file of Sluice's own from being written is for the person to mend; anything else is passed on.
 * `what` begins the sentence. No folder: the caller may be on another machine, and has no part in this one's.
 */
export function notWritten(error: unknown, folder: string | undefined, what = 'The export'): unknown {
  const { syscall, code } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  return new SluiceError(
    'invalid_configuration',
    folder === undefined
      ? `${what} cannot be written on the server (${code}). Its operator can give Sluice room and rights there.`
      : `${what} cannot be written to ${folder} (${code}). Give Sluice room and rights there, or another SLUICE_HOME.`,
    { cause: error },
  );
}

/** The path of a file that is written for this caller. */
export async function writtenFor(
  { isRemote }: Pick<OperationContext, 'isRemote'>,
  writing: Promise<string>,
): Promise<string> {
  try {
    return await writing;
  } catch (error) {
    const cause = error instanceof SluiceError ? error.cause : undefined;
    throw isRemote === true && cause instanceof Error ? notWritten(cause, undefined) : error;
  }
}

async function writeCsv<Row>(content: ExportRows<Row>, file: NodeJS.WritableStream): Promise<void> {
  // Quoted as well: what a reader may take for another delimiter, or for the end of a row.
  const csv = stringify({ bom: true, quoted_match: /[;\t|\r]/ });
  await pipeline(Readable.from(tableOf(content)), csv, file);
}

async function* tableOf<Row>({
  rows,
  fields,
  madeFields = () => ({}),
  ownColumns,
}: ExportRows<Row>): AsyncGenerator<string[]> {
  const seen = new Set<string>();
  const made = new Set<string>();
  for await (const row of rows()) {
    for (const field of Object.keys(fields(row))) seen.add(field);
    for (const field of Object.keys(madeFields(row))) made.add(field);
  }
  const columns = [...seen, ...freeNames(made, seen)];
  yield [...columns.map(columnOf), ...Object.keys(ownColumns)];
  for await (const row of rows()) {
    const own = Object.values(ownColumns).map((text) => escapeFormula(text(row)));
    yield [...cellsAt(seen, fields(row)), ...cellsAt(made, madeFields(row)), ...own];
  }
}

const cellsAt = (names: ReadonlySet<string>, cells: Readonly<Record<string, string>>) =>
  [...names].map((name) => (Object.hasOwn(cells, name) ? (cells[name] ?? '') : ''));

/** A name for each, which none of the others has: `result`, else `result_2`, and so on. */
function freeNames(names: ReadonlySet<string>, others: ReadonlySet<string>): string[] {
  const taken = new Set([...others, ...names]);
  return [...names].map((name) => {
    if (!others.has(name)) return name;
    let number = 2;
    while (taken.has(`${name}_${number}`)) number += 1;
    taken.add(`${name}_${number}`);
    return `${name}_${number}`;
  });
}

async function* linesOf<Row>({ rows, toJson }: ExportRows<Row>): AsyncGenerator<string> {
  for await (const row of rows()) yield `${JSON.stringify(toJson(row))}\n`;
}

async function* arrayOf<Row>({ rows, toJson }: ExportRows<Row>): AsyncGenerator<string> {
  let before = '[\n';
  for await (const row of rows()) {
    yield `${before}${JSON.stringify(toJson(row))}`;
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}

/** Rows of which all files are written before every answer. */
const writtenAtOnce = 50_000;

/**
 * Writes a file in every format. False: there are so many rows that the files are finished after the answer; one
 * that could not be written is then not there, and the next call tries again.
 */
export async function writeAll(
  { awaitFiles }: Pick<OperationContext, 'awaitFiles'>,
  rows: number,
  write: (format: ExportFormat) => Promise<string>,
): Promise<boolean> {
  const writing = exportFormats.reduce<Promise<unknown>>(
    (before, format) => before.then(() => write(format)),
    Promise.resolve(),
  );
  const isLong = rows > writtenAtOnce;
  if (isLong && awaitFiles === undefined) {
    writing.catch(() => {});
    return false;
  }
  if (isLong) awaitFiles?.(rows);
  await writing;
  return true;
}

const fileOutput = z.object({ uri: z.string().optional(), path: z.string() });

export const filesOutput = z.object({ csv: fileOutput, ndjson: fileOutput, json: fileOutput });

/** Where those on another machine download a file of a job, below the address of the server. */
export const downloadPath = (batchJobId: string, what: 'errors' | 'results', format: ExportFormat) =>
  `/api/v1/batches/${batchJobId}/${what}.${format}`;

/** Where the files are, and the addresses of those that can be read as resources. */
export function fileLinks(
  path: (format: ExportFormat) => string,
  uri: ((format: ExportFormat) => string) | undefined,
): z.input<typeof filesOutput> {
  const link = (format: ExportFormat) => ({
    ...(uri === undefined || format === 'json' ? {} : { uri: uri(format) }),
    path: path(format),
  });
  return { csv: link('csv'), ndjson: link('ndjson'), json: link('json') };
}
