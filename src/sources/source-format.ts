import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import { parseJson } from './json-row.ts';
import type { SourceFormat } from './source.ts';

const formatOf: Readonly<Record<string, SourceFormat>> = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.tab': 'tsv',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'json',
};

/**
 * The format of a file: by its extension, corrected where JSON and NDJSON are mistaken for each other, else by
 * the beginning of its text. Undefined when it cannot be told.
 */
export function sniffFormat(extension: string, head: string): SourceFormat | undefined {
  const named = formatOf[extension.toLowerCase()];
  if (named === 'csv' || named === 'tsv') return named;
  const start = head.trimStart();
  if (start.startsWith('[')) return 'json';
  if (start.startsWith('{')) {
    const isLines =
      named === 'ndjson' || isObjectPerLine(start) || (named === undefined && isLoneRecord(start));
    return isLines ? 'ndjson' : 'json';
  }
  if (named !== undefined) return named;
  const firstLine = start.split('\n', 1)[0] ?? '';
  if (firstLine.includes('\t')) return 'tsv';
  return /[,;|]/.test(firstLine) ? 'csv' : undefined;
}

/** A whole object on the first line and another object after it. */
function isObjectPerLine(text: string): boolean {
  const end = text.indexOf('\n');
  if (end < 0 || !text.slice(end).trimStart().startsWith('{')) return false;
  const first = parseJson(text.slice(0, end));
  return !(first instanceof SyntaxError) && isJsonObject(first);
}

/** One object on one line, as a pipe brings it when there is one record; a document would have records in it. */
function isLoneRecord(text: string): boolean {
  const line = text.trimEnd();
  const only = line.includes('\n') ? undefined : parseJson(line);
  const isList = (value: JsonValue) => Array.isArray(value) && value.some(isJsonObject);
  return isJsonObject(only) && !Object.values(only).some(isList);
}

const binaries = [
  { mark: 'PK\x03\x04', name: 'an Excel workbook or another zip archive', advice: 'Save the sheet as CSV.' },
  { mark: '\xd0\xcf\x11\xe0', name: 'an old Excel workbook', advice: 'Save the sheet as CSV.' },
  { mark: 'PAR1', name: 'a Parquet file', advice: 'Export it as CSV or NDJSON.' },
  { mark: '\x1f\x8b', name: 'compressed with gzip', advice: 'Unpack it.' },
  { mark: '%PDF', name: 'a PDF', advice: 'Export its data as CSV.' },
  { mark: 'SQLite format 3', name: 'an SQLite database', advice: 'Export the table as CSV.' },
  { mark: '\xff\xfe\0\0', name: 'text in UTF-32', advice: 'Save it as UTF-8.' },
  { mark: '\0\0\xfe\xff', name: 'text in UTF-32', advice: 'Save it as UTF-8.' },
];

/** @throws SluiceError `source_invalid` when the beginning of a file shows that it is no text that can be read */
export function refuseBinary(head: Buffer, charset: string): void {
  const known = binaries.find(({ mark }) => head.subarray(0, mark.length).toString('latin1') === mark);
  if (known !== undefined) {
    throw new SluiceError('source_invalid', `The file is ${known.name}. ${known.advice}`);
  }
  if (!charset.startsWith('utf-16') && head.includes(0) && controlShare(head.subarray(0, 8192)) > 0.05) {
    const message =
      'The file is not text: it has NUL bytes. If it is UTF-16 without a byte order mark, save it as UTF-8.';
    throw new SluiceError('source_invalid', message);
  }
}

/** A text that begins like a page for browsers. */
export const beginsPage = (text: string): boolean =>
  /^\ufeff?\s*<(!doctype\s+html|html|head|body|script|meta)\b/i.test(text);

/** @throws SluiceError `source_invalid` for a text with marks in place of rows, whatever the file is called */
export function refuseMarkup(text: string): void {
  if (beginsPage(text)) {
    const message =
      'The file is an HTML page. If it was downloaded, it may be the page to sign in; if a program saved a table that way, open it there and save it as CSV.';
    throw new SluiceError('source_invalid', message);
  }
  if (/^\s*<\?xml\b/i.test(text)) {
    throw new SluiceError('source_invalid', 'The file is XML. Export its data as CSV, NDJSON or JSON.');
  }
}

/** How much of the bytes is control characters that text has no use for. A stray one spoils its own row only. */
function controlShare(bytes: Buffer): number {
  const isControl = (byte: number) => byte < 9 || (byte > 13 && byte < 32);
  return bytes.filter(isControl).length / bytes.length;
}
