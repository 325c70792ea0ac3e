import { join } from 'node:path';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import type { Redaction } from '../flows/redaction.ts';
import { writeCell } from '../sources/spreadsheet-cells.ts';
import type { Database } from '../store/database.ts';
import { type FailedRecord, listFailures } from '../store/failures.ts';
import { type ExportFormat, type ExportRows, writeExport } from './export-file.ts';
import { errorOf } from './record-error.ts';

/** Records of one page; each may have 1 MiB. */
const pageSize = 500;

/** Where the failures of a job are exported to. */
export const errorFilePath = (folder: string, batchJobId: string, format: ExportFormat) =>
  join(folder, `${batchJobId}-errors.${format}`);

/** Writes the finally failed records of a job to a file and returns its path. */
export async function writeErrorFile(
  db: Database,
  batchJobId: string,
  folder: string,
  format: ExportFormat,
  redaction: Redaction,
): Promise<string> {
  const path = errorFilePath(folder, batchJobId, format);
  return writeExport(folder, path, format, {
    ...failureRows,
    rows: () => allFailures(db, batchJobId, redaction),
  });
}

async function* allFailures(
  db: Database,
  batchJobId: string,
  redaction: Redaction,
): AsyncGenerator<FailedRecord> {
  let after = -1;
  for (;;) {
    const page = await listFailures(db, batchJobId, { after, limit: pageSize });
    yield* page.map((record) => redacted(record, redaction));
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    after = last.index;
  }
}

/** A failed record as it may be shown. */
export const redacted = <Failed extends FailedRecord>(record: Failed, redaction: Redaction): Failed => ({
  ...record,
  failure: redaction.failure(record.failure, record.payload),
  payload: redaction.payload(record.payload),
});

/** How a failed record stands in files. */
export const failureRows: Omit<ExportRows<FailedRecord>, 'rows'> = {
  toJson: (record) => describeFailure(record) as JsonValue,
  fields: ({ payload }) => cellsOf(payload),
  ownColumns: {
    _index: ({ index }) => String(index),
    _status: ({ status }) => status,
    _error_class: ({ failure }) => failure.class,
    _error_code: ({ failure }) => failure.code,
    _error: ({ failure }) => [failure.message, failure.untrustedMessage].filter(Boolean).join(': '),
  },
};

/** The cells of a record's fields. */
export function cellsOf(payload: JsonValue): Record<string, string> {
  if (!isJsonObject(payload)) return {};
  return Object.fromEntries(Object.entries(payload).map(([key, value]) => [key, writeCell(value)]));
}

/** A failed record as answers and files show it. */
export const describeFailure = ({
  index,
  id,
  status,
  attempts,
  failure,
  groupId,
  deadLetter,
  payload,
}: FailedRecord) => ({
  index,
  ...(id === null ? {} : { id }),
  status,
  attempts,
  group_id: groupId,
  ...(deadLetter ? { dead_letter: true } : {}),
  ...(failure.maybeApplied === true ? { maybe_applied: true } : {}),
  error: errorOf(failure),
  payload,
});
