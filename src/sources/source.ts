import type { JsonValue } from '../domain/json.ts';
import type { RecordStatus } from '../domain/record.ts';

export const sourceFormats = ['csv', 'tsv', 'ndjson', 'json'] as const;
export type SourceFormat = (typeof sourceFormats)[number];

/** Where a job's records come from, as kept with the job: enough to open the same rows again. */
export interface FileSource {
  readonly kind: 'file';
  /** Real path, all links resolved. */
  readonly path: string;
  /** The file was sent to Sluice or fetched by it, and this is what it is called; absent: it is the machine's own. */
  readonly upload?: { readonly id: string; readonly name: string };
  readonly format: SourceFormat;
  /** Dotted path of the array inside a JSON document; absent: the document is the array. */
  readonly arrayPath?: string;
  /** The file says nothing of its encoding and is not UTF-8; absent: it is known. */
  readonly guessedEncoding?: 'windows-1252';
  readonly sizeBytes: number;
  /** Changes when the file's content does: size, modification time and inode. */
  readonly fingerprint: string;
}

/** Records of an earlier job that has finished, in the order of its input. */
export interface JobSource {
  readonly kind: 'job';
  readonly batchJobId: string;
  /** How often its records had been retried: one more time makes it another source. */
  readonly wave: number;
  readonly statuses: readonly RecordStatus[];
  /** Only these of them. */
  readonly indexes?: readonly number[];
  readonly ids?: readonly string[];
  /** `undo`: each record comes with its index and result, to be taken back. */
  readonly as: 'records' | 'undo';
}

export type Source = FileSource | JobSource;

/** One row of a source: a record, or a reason why this row alone cannot be one. */
export type SourceRow =
  | {
      readonly kind: 'record';
      readonly line: number;
      readonly payload: JsonValue;
      /** The record's own id; undefined: a field of the payload says it. */
      readonly id?: string | null;
    }
  | {
      readonly kind: 'bad';
      readonly line: number;
      readonly code: string;
      /** Written by Sluice, names the line. */
      readonly message: string;
      /** What could be read of the row. */
      readonly payload: JsonValue;
    };

/** Thrown while reading: nothing can be read from this line on. */
export class SourceBroken extends Error {
  override readonly name = 'SourceBroken';
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}
