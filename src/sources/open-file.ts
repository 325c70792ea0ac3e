import { extname } from 'node:path';
import { SluiceError } from '../domain/sluice-error.ts';
import { type AllowedRoots, resolveAllowed } from './allowed-roots.ts';
import { readHead } from './file-blocks.ts';
import { quotePath } from './quote-name.ts';
import type { ReadOptions } from './read-open-file.ts';
import { type OpenFile, openRegularFile, openUnchanged } from './regular-file.ts';
import { type FileSource, SourceBroken, type SourceFormat, type SourceRow, sourceFormats } from './source.ts';
import { refuseBinary, refuseMarkup, sniffFormat } from './source-format.ts';
import { decodeHead, sniffEncoding, type TextEncoding } from './text-encoding.ts';

/** A file of records as a caller names it. */
export interface FileRequest {
  readonly path: string;
  /** Absent: told by the file's extension and content. */
  readonly format?: SourceFormat;
  /** Tells more of the format than that of the path, such as `.csv`. */
  readonly extension?: string;
  readonly arrayPath?: string;
}

/** Loaded with the parsers behind them by whoever has a file. */
const readers = () => import('./read-open-file.ts');

/**
 * Finds a file of records and makes sure that reading it can begin.
 *
 * @throws SluiceError `source_not_allowed`, `source_not_found`, or `source_invalid` when it is not text, its
 * format or header cannot be used, the array is not there, or there are no rows
 */
export async function openFileSource(request: FileRequest, roots: AllowedRoots): Promise<FileSource> {
  return openAt(await resolveAllowed(request.path, roots), request);
}

/** A file that was sent to Sluice or fetched by it, and lies where Sluice has put it. */
export interface UploadRequest extends Omit<FileRequest, 'path'> {
  readonly path: string;
  readonly upload: { readonly id: string; readonly name: string };
}

/** As `openFileSource`, for an upload: its name takes the place of its path in everything that is said of it. */
export async function openUploadSource({ path, upload, ...request }: UploadRequest): Promise<FileSource> {
  return { ...(await openAt(path, { ...request, path: upload.name })), upload };
}

async function openAt(path: string, request: FileRequest): Promise<FileSource> {
  const file = await openRegularFile(path, request.path);
  try {
    const { format, charset } = await kindOf(request, file);
    const { arrayPath } = request;
    if (arrayPath !== undefined && format !== 'json') {
      throw invalid(`array_path is for JSON documents only; this file is read as ${format}.`);
    }
    const source = { format, ...(arrayPath === undefined ? {} : { arrayPath }) };
    await refuseUnreadable(source, file);
    const guess = charset === 'windows-1252' ? { guessedEncoding: charset } : {};
    const { sizeBytes, fingerprint } = file;
    return { kind: 'file', path, ...source, ...guess, sizeBytes, fingerprint };
  } finally {
    await file.handle.close();
  }
}

/**
 * Makes sure that the file is still the one that was opened.
 *
 * @throws SluiceError `source_changed` or `source_not_found`
 */
export async function reopen(source: FileSource): Promise<void> {
  const file = await openUnchanged(source);
  await file.handle.close();
}

/**
 * Reads the rows of a file in order, in batches of 1 to 1,000; memory stays flat however large the file is.
 * Whether a payload can be stored is not looked at: that is for `checkPayload`.
 *
 * @throws SourceBroken when the file cannot be read on, after all rows before that place were handed out
 * @throws SluiceError `source_changed` or `source_not_found` when it is not the file it was
 * @throws the signal's reason once it is aborted
 */
export async function* readRows(
  source: FileSource,
  options: ReadOptions,
): AsyncGenerator<readonly SourceRow[]> {
  const file = await openUnchanged(source);
  try {
    yield* (await readers()).readOpenFile(source, file, options);
  } finally {
    await file.handle.close();
  }
}

interface FileKind extends Pick<TextEncoding, 'charset'> {
  readonly format: SourceFormat;
}

async function kindOf(request: FileRequest, file: OpenFile): Promise<FileKind> {
  const head = await readHead(file);
  const encoding = sniffEncoding(head, head.length === file.sizeBytes);
  const { charset } = encoding;
  refuseBinary(head, charset);
  const text = decodeHead(head, encoding);
  if (text.trim() === '') throw invalid(head.length === file.sizeBytes ? 'The file is empty.' : blankStart);
  refuseMarkup(text);

  const format = request.format ?? sniffFormat(request.extension ?? extname(request.path), text);
  if (format !== undefined) return { format, charset };
  throw invalid(
    `The format of ${quotePath(request.path)} cannot be told. Give format: ${sourceFormats.join(', ')}. A list with one value a line is a csv, if a line with a name stands above it.`,
  );
}

// Neither format nor delimiter can be told from what lies behind so much of nothing.
const blankStart =
  'The file has only blanks and line ends in its first megabyte, so no header and no records were found. Remove them, or name another file.';

const maxHeaderBytes = 1024 * 1024;

/** Reads the first rows, and so the header or the way to the array. */
async function refuseUnreadable(
  source: Pick<FileSource, 'format' | 'arrayPath'>,
  file: OpenFile,
): Promise<void> {
  const rows = (await readers()).readOpenFile(source, file, { maxRecordBytes: maxHeaderBytes });
  try {
    const { done, value: first = [] } = await rows.next();
    if (done === true) throw invalid(noRows[source.format]);
    refuseWrongHeader(first);
  } catch (error) {
    if (error instanceof SourceBroken) throw invalid(error.message);
    throw error;
  } finally {
    await rows.return(undefined);
  }
}

/** Fewer rows may be at fault themselves. */
const rowsAgainstHeader = 3;
const widthCodes: readonly string[] = ['row_too_long', 'row_too_short'];

/** Where all rows differ from the header in the same way, the line that was taken for the header is none. */
function refuseWrongHeader(rows: readonly SourceRow[]): void {
  const [first] = rows;
  if (rows.length < rowsAgainstHeader || first?.kind !== 'bad' || !widthCodes.includes(first.code)) return;
  if (!rows.every((row) => row.kind === 'bad' && row.code === first.code)) return;
  throw invalid(
    `${first.message} None of the ${rows.length} rows that were looked at has as many cells as the header. The first line must be the header: remove what stands above it, such as a title, or correct it.`,
  );
}

const noRows: Readonly<Record<SourceFormat, string>> = {
  csv: 'The file has a header and no rows below it.',
  tsv: 'The file has a header and no rows below it.',
  ndjson: 'The file has no records.',
  json: 'The array has no elements.',
};

const invalid = (message: string) => new SluiceError('source_invalid', message);
