import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { redactedMark } from '../domain/redacted-mark.ts';
import {
  type Correction,
  cellsInto,
  fieldIn,
  fieldsInto,
  wholeInto,
  withoutMarks,
} from './corrected-payload.ts';
import { readRows } from './open-file.ts';
import { quoteName } from './quote-name.ts';
import type { FileSource, SourceRow } from './source.ts';

/** One record of a file that a person has corrected. */
export interface CorrectedRow {
  readonly line: number;
  /** The record it is for: its position in the input, or its own id. */
  readonly key: { readonly index: number } | { readonly id: string };
  /** The status that the record had when the row was exported, if the row tells. */
  readonly status: string | undefined;
  readonly correct: Correction;
}

export interface RowProblem {
  readonly line: number;
  readonly problem: string;
}

export interface CorrectedFile {
  readonly source: FileSource;
  /** The job whose records are corrected. */
  readonly batchJobId: string;
  /** Field that holds the records' own ids, for files without `_index`. */
  readonly idField: string | null;
  /** The id that the job keeps for a record with these fields. */
  readonly idOf: (fields: JsonObject) => string | null;
  /** Of a record in the job; its row in the file is somewhat larger. */
  readonly maxRecordBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Reads corrected records: rows of an error export in any of its forms, or objects with `_index` or the id field and
 * the fields to change. Rows that are for no record, or for one of another job, are told as problems.
 *
 * @throws what `readRows` throws
 */
export async function* readCorrectedRows(
  file: CorrectedFile,
): AsyncGenerator<readonly (CorrectedRow | RowProblem)[]> {
  const { source, signal } = file;
  // Doubled quotation marks, escapes and the columns about the error.
  const maxRecordBytes = 3 * file.maxRecordBytes + 64 * 1024;
  const isTable = source.format === 'csv' || source.format === 'tsv';
  for await (const rows of readRows(source, { maxRecordBytes, signal })) {
    yield rows.map((row) => correctedRow(row, file, isTable));
  }
}

function correctedRow(row: SourceRow, file: CorrectedFile, isTable: boolean): CorrectedRow | RowProblem {
  const { line, payload } = row;
  if (row.kind === 'bad') return { line, problem: row.message };
  const fields = isJsonObject(payload) ? payload : {};
  const isWhole = !isTable && isJsonObject(fields.payload) && ('index' in fields || 'id' in fields);
  const other = otherJob(
    isWhole ? (fields.batch_job_id ?? fields._batch_job_id) : fields._batch_job_id,
    file,
  );
  if (other !== undefined) return { line, problem: other };
  const key = isWhole ? keyOf(fields.index, fields.id) : keyOf(fields._index, idIn(fields, file));
  if (key === undefined)
    return { line, problem: `has no ${keyName(file.idField, isWhole)}, so it is for no record` };
  if ('problem' in key) return { line, ...key };
  return {
    line,
    key,
    status: statusOf(isWhole ? fields.status : fields._status),
    correct: withoutMarks(isTable ? cellsInto(fields) : isWhole ? wholeInto(fields) : fieldsInto(fields)),
  };
}

/** Positions of one job say nothing of another: the files of dead letters hold records of several. */
function otherJob(named: JsonValue | undefined, { batchJobId }: CorrectedFile): string | undefined {
  const id = typeof named === 'string' ? named.trim() : '';
  if (id === '' || id.toLowerCase() === batchJobId.toLowerCase()) return undefined;
  return `belongs to batch job ${quoteName(id)}; keep only the rows of the job that is retried, or retry that job with them`;
}

/** A mask is no id: all rows have it. */
const idIn = (fields: JsonObject, { idField, idOf }: CorrectedFile) =>
  idField === null || fieldIn(fields, idField) === redactedMark ? null : idOf(fields);

const keyName = (idField: string | null, isWhole: boolean) => {
  if (isWhole) return 'index';
  return idField === null ? '_index' : `_index and no ${quoteName(idField)}`;
};

function keyOf(
  index: JsonValue | undefined,
  id: JsonValue | undefined,
): CorrectedRow['key'] | { readonly problem: string } | undefined {
  if (index !== undefined && index !== null && String(index).trim() !== '') {
    const text = String(index).trim();
    return /^\d{1,10}$/.test(text)
      ? { index: Number(text) }
      : { problem: 'has an _index that is no whole number' };
  }
  const text = typeof id === 'string' || typeof id === 'number' ? String(id) : '';
  return text === '' ? undefined : { id: text };
}

const statusOf = (value: JsonValue | undefined) => (typeof value === 'string' ? value.trim() : undefined);
