import { type Line, splitLines } from './lines.ts';
import { SourceBroken } from './source.ts';

/** The text of one CSV record: a line, or several when a quoted cell goes on over line ends. */
export interface CsvText {
  readonly line: number;
  readonly lastLine: number;
  /** Without its line end. With a flaw: what could be read. */
  readonly text: string;
  readonly flaw?: CsvFlaw;
}

export type CsvFlaw = { readonly kind: 'not_utf8' } | { readonly kind: 'too_large'; readonly bytes: number };

interface Options {
  readonly delimiter: string;
  readonly maxRecordBytes: number;
}

/**
 * The records of CSV text, their cells not yet told apart; blank lines are left out.
 *
 * @throws SourceBroken when the file ends inside a quoted cell, with the line the cell begins on
 */
export async function* splitCsv(blocks: AsyncIterable<Buffer>, options: Options): AsyncGenerator<CsvText[]> {
  const joiner = new CsvJoiner(options);
  for await (const lines of splitLines(blocks, options.maxRecordBytes)) {
    const records = lines.map((line) => joiner.take(line)).filter((record) => record !== undefined);
    if (records.length > 0) yield records;
  }
  const { openQuoteLine } = joiner;
  if (openQuoteLine === undefined) return;
  const message = `The file ends inside a quoted cell that began on line ${openQuoteLine}: its closing quotation mark is missing.`;
  throw new SourceBroken(openQuoteLine, message);
}

/** Joins the lines of records whose quoted cells go on over line ends. */
class CsvJoiner {
  private readonly options: Options;
  private open: OpenRecord | undefined;

  constructor(options: Options) {
    this.options = options;
  }

  /** The record that ends with the line, unless it is blank or the record goes on. */
  take(line: Line): CsvText | undefined {
    if (this.open === undefined && isPlain(line)) return isBlank(line.text) ? undefined : plainRecord(line);
    this.open ??= new OpenRecord(line.number, this.options);
    this.open.add(line);
    if (this.open.insideQuotes) return undefined;
    const record = this.open.finish();
    this.open = undefined;
    return record;
  }

  /** Where a quoted cell began that has not been closed. */
  get openQuoteLine(): number | undefined {
    return this.open?.quoteLine;
  }
}

/** Most lines are: a whole record, whatever its cells. */
function isPlain({ text, flaw }: Line): boolean {
  return flaw === undefined && !text.includes('"');
}

function plainRecord({ number, text }: Line): CsvText {
  return { line: number, lastLine: number, text: text.endsWith('\r') ? text.slice(0, -1) : text };
}

function isBlank(text: string): boolean {
  return text === '' || text === '\r' || /^ *\r?$/.test(text);
}

/** A record whose end has not been seen. */
class OpenRecord {
  insideQuotes = false;
  /** Where the last quoted cell began. */
  quoteLine: number;
  private readonly line: number;
  private lastLine: number;
  private readonly options: Options;
  private texts: string[] = [];
  private bytes = 0;
  private notUtf8 = false;

  constructor(line: number, options: Options) {
    this.line = line;
    this.lastLine = line;
    this.quoteLine = line;
    this.options = options;
  }

  add({ number, text, flaw }: Line): void {
    this.lastLine = number;
    this.bytes += flaw?.kind === 'too_large' ? flaw.bytes : Buffer.byteLength(text);
    if (flaw?.kind === 'not_utf8') this.notUtf8 = true;
    if (this.bytes <= this.options.maxRecordBytes || this.texts.length === 0) this.texts.push(text);

    const wasInside = this.insideQuotes;
    // Of a line too large to hold only the number of its quotation marks is known, which is enough in valid CSV.
    this.insideQuotes =
      flaw?.kind === 'too_large'
        ? wasInside !== flaw.oddQuotes
        : endsInsideQuotes(text, wasInside, this.options.delimiter);
    if (this.insideQuotes && !wasInside) this.quoteLine = number;
  }

  finish(): CsvText {
    const text = this.texts.join('\n').replace(/\r$/, '');
    const record = { line: this.line, lastLine: this.lastLine, text };
    if (this.bytes > this.options.maxRecordBytes) {
      return { ...record, flaw: { kind: 'too_large', bytes: this.bytes } };
    }
    return this.notUtf8 ? { ...record, flaw: { kind: 'not_utf8' } } : record;
  }
}

/**
 * Whether a quoted cell is open at the end of the line.
 *
 * A quotation mark opens a cell only at its very beginning. Inside, one that is not doubled closes it,
 * whatever follows: a cell quoted wrongly then ends with its line and harms no other record.
 */
function endsInsideQuotes(text: string, insideAtStart: boolean, delimiter: string): boolean {
  let inside = insideAtStart;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) {
    if (!inside) inside = at === 0 || text[at - 1] === delimiter;
    else if (text[at + 1] === '"') at++;
    else inside = false;
  }
  return inside;
}
