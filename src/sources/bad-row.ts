import type { JsonValue } from '../domain/json.ts';
import { preview, tooLarge } from './check-payload.ts';
import type { SourceRow } from './source.ts';

type BadRow = Extract<SourceRow, { kind: 'bad' }>;

/** A row that could not be read as a whole: its beginning stands for it. */
export function unreadableRow(line: number, code: string, message: string, text: string): BadRow {
  return badRow(line, code, message, { _text: preview(text) });
}

export function badRow(line: number, code: string, message: string, payload: JsonValue): BadRow {
  return { kind: 'bad', line, code, message, payload };
}

export function notUtf8Row(line: number, text: string, element?: number): BadRow {
  return unreadableRow(
    line,
    'invalid_encoding',
    `${rowName(`Line ${line}`, line, element)} has bytes that are not valid text. Save the file as UTF-8.`,
    text,
  );
}

interface TooLarge {
  readonly line: number;
  readonly bytes: number;
  readonly maxBytes: number;
  /** As much of the row as could be read. */
  readonly text: string;
  readonly element?: number;
}

export function tooLargeRow({ line, bytes, maxBytes, text, element }: TooLarge): BadRow {
  return badRow(
    line,
    'record_too_large',
    `${rowName(`The record on line ${line}`, line, element)} has ${bytes} bytes; at most ${maxBytes} are allowed. Shorten it, or raise SLUICE_MAX_RECORD_BYTES.`,
    tooLarge(bytes, text),
  );
}

/** What a message calls a row. Elements of an array may all be on one line, so their index tells them apart. */
export function rowName(usual: string, line: number, element: number | undefined): string {
  return element === undefined ? usual : `The element with index ${element} (line ${line})`;
}
