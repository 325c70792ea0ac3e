import { join } from 'node:path';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import type { RecordStatus } from '../domain/record.ts';
import type { Redaction } from '../flows/redaction.ts';
import { writeCell } from '../sources/spreadsheet-cells.ts';
import type { Database } from '../store/database.ts';
import { listResults, type RecordResult } from '../store/results.ts';
import { type ExportFormat, writeExport } from './export-file.ts';
import { cellsOf } from './write-error-files.ts';

/** Records that came to a result; what is exported unless others are asked for. */
export const withResult = ['succeeded', 'retried_success'] as const satisfies readonly RecordStatus[];

/** Records of one page; each may have 1 MiB and a result. */
const pageSize = 500;

/** Where the results of a job are exported to. */
export function resultFilePath(
  folder: string,
  batchJobId: string,
  format: ExportFormat,
  statuses: readonly RecordStatus[] = withResult,
): string {
  const isUsual = [...statuses].sort().join() === [...withResult].sort().join();
  const which = isUsual ? '' : `-${[...new Set(statuses)].sort().join('-')}`;
  return join(folder, `${batchJobId}-results${which}.${format}`);
}

export interface ResultFile {
  readonly batchJobId: string;
  readonly folder: string;
  readonly format: ExportFormat;
  readonly statuses: readonly RecordStatus[];
  readonly redaction: Redaction;
}

/** Writes finished records of a job with their results to a file, in the order of the input, and returns its path. */
export async function writeResultFile(db: Database, file: ResultFile): Promise<string> {
  const { batchJobId, folder, format, statuses } = file;
  const path = resultFilePath(folder, batchJobId, format, statuses);
  return writeExport<RecordResult>(folder, path, format, {
    rows: () => allResults(db, file),
    toJson: (record) => ({ ...describeResult(record), payload: record.payload }),
    fields: ({ payload }) => cellsOf(payload),
    madeFields: ({ result }) => resultCells(result),
    ownColumns: { _index: ({ index }) => String(index), _status: ({ status }) => status },
  });
}

async function* allResults(
  db: Database,
  { batchJobId, statuses, redaction }: ResultFile,
): AsyncGenerator<RecordResult> {
  let after = -1;
  for (;;) {
    const page = await listResults(db, batchJobId, { after, limit: pageSize, statuses });
    yield* page.map((record) => redactedResult(record, redaction));
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    after = last.index;
  }
}

/** Targets repeat what they were sent, so a result is masked as the payload is. */
export const redactedResult = (record: RecordResult, redaction: Redaction): RecordResult => ({
  ...record,
  payload: redaction.payload(record.payload),
  result: redaction.within(record.result, record.payload),
});

export const describeResult = ({ index, id, status, result }: RecordResult) => ({
  index,
  ...(id === null ? {} : { id }),
  status,
  result,
});

/** A result that is a map has a column for each of its keys. */
function resultCells(result: JsonValue): Record<string, string> {
  if (!isJsonObject(result)) return { result: writeCell(result) };
  return Object.fromEntries(
    Object.entries(result).map(([key, value]) => [`result.${key}`, writeCell(value)]),
  );
}
