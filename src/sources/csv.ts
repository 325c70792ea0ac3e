import { parse } from 'csv-parse/sync';
import { SluiceError } from '../domain/sluice-error.ts';
import { badRow, notUtf8Row, tooLargeRow, unreadableRow } from './bad-row.ts';
import { delimiterLine } from './csv-delimiter.ts';
import { columnNames } from './csv-header.ts';
import { type CsvText, splitCsv } from './csv-records.ts';
import { dropFirst } from './row-batches.ts';
import type { SourceRow } from './source.ts';

export interface CsvOptions {
  readonly delimiter: string;
  readonly skipRows: number;
  readonly maxRecordBytes: number;
}

/**
 * Rows of CSV or TSV with a header. Every value is a string; an empty cell is "".
 *
 * @throws SluiceError `source_invalid` when the header cannot be used
 * @throws SourceBroken when the file ends inside a quoted cell
 */
export async function* readCsv(
  blocks: AsyncIterable<Buffer>,
  options: CsvOptions,
): AsyncGenerator<SourceRow[]> {
  const batches = splitCsv(blocks, options);
  const { names, rest } = await takeHeader(batches, options);
  for await (const records of dropFirst(startingWith(rest, batches), options.skipRows)) {
    yield rowsOf(records, names, options);
  }
}

async function takeHeader(
  batches: AsyncGenerator<CsvText[]>,
  options: CsvOptions,
): Promise<{ names: string[]; rest: CsvText[] }> {
  const { value: records = [], done } = await batches.next();
  if (done === true) {
    throw new SluiceError('source_invalid', 'The file has no header: name the columns on its first line.');
  }
  const [first, ...rest] = delimiterLine.test(records[0]?.text ?? '') ? records.slice(1) : records;
  if (first === undefined) return takeHeader(batches, options);

  const cells = first.flaw === undefined ? cellsOf(first.text, options.delimiter) : undefined;
  if (cells === undefined) throw unreadableHeader(first, options);
  return { names: columnNames(cells, first.line), rest };
}

function unreadableHeader({ line, lastLine, flaw }: CsvText, { maxRecordBytes }: CsvOptions): SluiceError {
  const where =
    line === lastLine ? `The header on line ${line}` : `The header on lines ${line} to ${lastLine}`;
  if (flaw === undefined) return new SluiceError('source_invalid', `${where} has ${strayQuoteAdvice}`);
  const reason =
    flaw.kind === 'not_utf8'
      ? 'has bytes that are not valid text. Save the file as UTF-8.'
      : `has ${flaw.bytes} bytes; at most ${maxRecordBytes} are allowed. The first line must be a header.`;
  return new SluiceError('source_invalid', `${where} ${reason}`);
}

async function* startingWith<T>(first: T[], others: AsyncGenerator<T[]>): AsyncGenerator<T[]> {
  if (first.length > 0) yield first;
  yield* others;
}

/** Parses all records in one call; only when that cannot be done, each by itself to find the bad ones. */
function rowsOf(records: readonly CsvText[], names: readonly string[], options: CsvOptions): SourceRow[] {
  const table = records.some((record) => record.flaw !== undefined)
    ? undefined
    : tableOf(records, options.delimiter);
  return records.map((record, index) => {
    if (record.flaw?.kind === 'not_utf8') return notUtf8Row(record.line, record.text);
    if (record.flaw !== undefined) {
      const { bytes } = record.flaw;
      return tooLargeRow({ line: record.line, bytes, maxBytes: options.maxRecordBytes, text: record.text });
    }
    const cells = table === undefined ? cellsOf(record.text, options.delimiter) : table[index];
    return cells === undefined ? strayQuote(record) : rowOf(cells, names, record.line);
  });
}

/** The cells of all records, or undefined when one of them is not CSV. */
function tableOf(records: readonly CsvText[], delimiter: string): string[][] | undefined {
  const table = parseCsv(records.map(({ text }) => text).join('\n'), delimiter);
  return table?.length === records.length ? table : undefined;
}

function cellsOf(text: string, delimiter: string): string[] | undefined {
  const table = parseCsv(text, delimiter);
  if (table !== undefined) return table.length === 1 ? table[0] : undefined;
  // Databases write cells between tabs as they are: a mark within one, such as of inches, is a character.
  return delimiter === '\t' && !/(?:^|\t)"/.test(text) ? text.split('\t') : undefined;
}

function parseCsv(text: string, delimiter: string): string[][] | undefined {
  try {
    return parse(text, { delimiter, record_delimiter: '\n', relax_column_count: true });
  } catch {
    return undefined;
  }
}

function rowOf(cells: readonly string[], names: readonly string[], line: number): SourceRow {
  if (cells.length === names.length) return { kind: 'record', line, payload: payloadOf(cells, names) };
  // Whoever corrects a row that is too short finds all columns there.
  const payload = payloadOf([...cells, ...names.slice(cells.length).map(() => '')], names);

  const code = cells.length < names.length ? 'row_too_short' : 'row_too_long';
  const counted = `${cells.length} ${cells.length === 1 ? 'cell' : 'cells'}`;
  const message = `Line ${line} has ${counted}; the header has ${names.length}.`;
  return badRow(line, code, message, payload);
}

/** fromEntries defines its keys, so that a column named "__proto__" is one like any other. */
const payloadOf = (cells: readonly string[], names: readonly string[]) =>
  Object.fromEntries(cells.map((cell, column) => [names[column] ?? `_cell_${column + 1}`, cell]));

function strayQuote({ line, lastLine, text }: CsvText): SourceRow {
  const where = line === lastLine ? `Line ${line} has` : `The record on lines ${line} to ${lastLine} has`;
  return unreadableRow(line, 'stray_quote', `${where} ${strayQuoteAdvice}`, text);
}

const strayQuoteAdvice = 'a stray quotation mark. A cell with one must be in quotes, and the mark doubled.';
