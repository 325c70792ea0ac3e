import { SluiceError } from '../domain/sluice-error.ts';
import { readCsv } from './csv.ts';
import { sniffDelimiter } from './csv-delimiter.ts';
import { FileUnreadable, readBlocks, readHead } from './file-blocks.ts';
import { readJsonArray } from './json-array.ts';
import { arrayPathsIn } from './json-members.ts';
import { readNdjson } from './ndjson.ts';
import type { OpenFile } from './regular-file.ts';
import { inBatchesOf } from './row-batches.ts';
import { type FileSource, SourceBroken, type SourceRow } from './source.ts';
import { decodeHead, firstLineNotUtf8, sniffEncoding, toUtf8 } from './text-encoding.ts';

export interface ReadOptions {
  /** Rows, good and bad alike, that were read before and are passed over. */
  readonly skipRows?: number;
  /** Of the record's text in the file. */
  readonly maxRecordBytes: number;
  readonly signal?: AbortSignal;
}

const rowsPerBatch = 1000;

/** Reads the rows of an open file; see `readRows`. */
export async function* readOpenFile(
  source: Pick<FileSource, 'format' | 'arrayPath'>,
  file: OpenFile,
  options: ReadOptions,
): AsyncGenerator<readonly SourceRow[]> {
  let line = 0;
  try {
    const batches = await rowsOf(source, file, options);
    for await (const batch of inBatchesOf(rowsPerBatch, batches)) {
      line = batch.at(-1)?.line ?? line;
      yield batch;
    }
  } catch (error) {
    if (!(error instanceof FileUnreadable)) throw error;
    throw new SourceBroken(line + 1, `The file cannot be read on after line ${line}: ${error.message}.`);
  }
}

async function rowsOf(
  { format, arrayPath }: Pick<FileSource, 'format' | 'arrayPath'>,
  file: OpenFile,
  { skipRows = 0, maxRecordBytes, signal }: ReadOptions,
): Promise<AsyncGenerator<SourceRow[]>> {
  const head = await readHead(file);
  const encoding = sniffEncoding(head, head.length === file.sizeBytes);
  const blocks = toUtf8(readBlocks(file, encoding.bomBytes, signal), encoding);
  if (format === 'csv' || format === 'tsv') {
    const delimiter = sniffDelimiter(decodeHead(head, encoding), format);
    return readCsv(blocks, { delimiter, skipRows, maxRecordBytes });
  }

  if (encoding.charset === 'windows-1252') {
    const message = `Line ${firstLineNotUtf8(head)} is not valid UTF-8, and JSON must be. Save the file as UTF-8.`;
    throw new SluiceError('source_invalid', message);
  }
  if (format === 'ndjson') return readNdjson(blocks, { skipRows, maxRecordBytes });
  const knownPaths = () => arrayPathsIn(Buffer.from(decodeHead(head, encoding)));
  return readJsonArray(blocks, { arrayPath, knownPaths, skipRows, maxRecordBytes });
}
