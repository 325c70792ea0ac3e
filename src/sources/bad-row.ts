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

export function notUtf8Row(line: number, text: string): BadRow {
  return unreadableRow(
    line,
    'invalid_encoding',
    `Line ${line} has bytes that are not valid text. Save the file as UTF-8.`,
    text,
  );
}

export function tooLargeRow(line: number, bytes: number, maxBytes: number, text: string): BadRow {
  return badRow(
    line,
    'record_too_large',
    `The record on line ${line} has ${bytes} bytes; at most ${maxBytes} are allowed. Shorten it, or raise SLUICE_MAX_RECORD_BYTES.`,
    tooLarge(bytes, text),
  );
}
