import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'csv-stringify';
import { v7 as uuidv7 } from 'uuid';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { SluiceError } from '../domain/sluice-error.ts';
import type { Database } from '../store/database.ts';
import { type FailedRecord, listFailures } from '../store/failures.ts';

export const errorFormats = ['csv', 'ndjson'] as const;
export type ErrorFormat = (typeof errorFormats)[number];

const pageSize = 1000;
const ownColumns = ['_index', '_status', '_error_class', '_error_code', '_error'] as const;

/** Where the failures of a job are exported to. */
export const errorFilePath = (folder: string, batchJobId: string, format: ErrorFormat) =>
  join(folder, `${batchJobId}-errors.${format}`);

/**
 * Writes the finally failed records of a job to a file of Sluice's own, whole or not at all, and
 * returns its path. Streams: the number of records costs no memory.
 */
export async function writeErrorFile(
  db: Database,
  batchJobId: string,
  folder: string,
  format: ErrorFormat,
): Promise<string> {
  const path = errorFilePath(folder, batchJobId, format);
  const draft = `${path}.${uuidv7()}.tmp`;
  // Opened when something is ready to be piped: until then nobody would listen to its errors.
  const file = () => createWriteStream(draft, { flags: 'wx', mode: 0o600 });
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (format === 'csv') await writeCsv(db, batchJobId, file);
    else await pipeline(Readable.from(ndjsonLines(db, batchJobId)), file());
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    throw notWritten(error, folder);
  }
  return path;
}

/** What keeps a file from being written is for the person to mend; anything else is passed on. */
function notWritten(error: unknown, folder: string): unknown {
  const { syscall, code } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  return new SluiceError(
    'invalid_configuration',
    `The export cannot be written to ${folder} (${code}). Give Sluice room and rights there, or another SLUICE_HOME.`,
    { cause: error },
  );
}

async function writeCsv(db: Database, batchJobId: string, file: () => NodeJS.WritableStream): Promise<void> {
  const columns = [...(await payloadColumns(db, batchJobId)), ...ownColumns];
  // A cell that a spreadsheet would run as a formula gets a quote in front.
  const csv = stringify({ header: true, columns, escape_formulas: true, bom: true });
  await pipeline(Readable.from(csvRows(db, batchJobId)), csv, file());
}

/** Every top-level key of the failed payloads, in the order of first sight. */
async function payloadColumns(db: Database, batchJobId: string): Promise<string[]> {
  const seen = new Set<string>();
  for await (const { payload } of allFailures(db, batchJobId)) {
    if (isJsonObject(payload)) for (const key of Object.keys(payload)) seen.add(key);
  }
  return [...seen];
}

async function* allFailures(db: Database, batchJobId: string): AsyncGenerator<FailedRecord> {
  let after = -1;
  for (;;) {
    const page = await listFailures(db, batchJobId, { after, limit: pageSize });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    after = last.index;
  }
}

async function* csvRows(db: Database, batchJobId: string): AsyncGenerator<Record<string, string>> {
  for await (const { payload, index, status, failure } of allFailures(db, batchJobId)) {
    const cells = Object.entries(isJsonObject(payload) ? payload : {}).map(([key, value]) => [
      key,
      cell(value),
    ]);
    yield {
      ...Object.fromEntries(cells),
      _index: String(index),
      _status: status,
      _error_class: failure.class,
      _error_code: failure.code,
      _error: [failure.message, failure.untrustedMessage].filter(Boolean).join(': '),
    };
  }
}

function cell(value: JsonValue): string {
  if (typeof value === 'string') return value;
  return value === null ? '' : JSON.stringify(value);
}

async function* ndjsonLines(db: Database, batchJobId: string): AsyncGenerator<string> {
  for await (const record of allFailures(db, batchJobId))
    yield `${JSON.stringify(describeFailure(record))}\n`;
}

/** A failed record as answers and files show it. */
export const describeFailure = ({
  index,
  id,
  status,
  attempts,
  failure,
  groupId,
  payload,
}: FailedRecord) => ({
  index,
  ...(id === null ? {} : { id }),
  status,
  attempts,
  group_id: groupId,
  error: {
    class: failure.class,
    code: failure.code,
    message: failure.message,
    ...(failure.untrustedMessage === undefined ? {} : { untrusted_message: failure.untrustedMessage }),
    ...(failure.step === undefined ? {} : { step: failure.step }),
  },
  payload,
});
