import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type FileRequest, openFileSource, readRows } from '../../src/sources/open-file.ts';
import type { FileSource, SourceRow } from '../../src/sources/source.ts';

/** A folder of this test file's own, gone after its tests. */
export async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'sluice-sources-')));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

let written = 0;

/** Writes a file with this content and opens it as a source. */
export async function openWritten(
  folder: string,
  extension: string,
  content: string | Uint8Array,
  request: Omit<FileRequest, 'path'> = {},
): Promise<FileSource> {
  written++;
  const path = join(folder, `file-${written}${extension}`);
  await writeFile(path, content);
  return openFileSource({ path, ...request }, { folders: [folder], home: folder });
}

export async function rowsOf(
  source: FileSource,
  options: { skipRows?: number; maxRecordBytes?: number } = {},
): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  for await (const batch of readRows(source, { maxRecordBytes: 1024 * 1024, ...options }))
    rows.push(...batch);
  return rows;
}

/** The rows before the reading broke, and what it broke with. */
export async function brokenReading(source: FileSource): Promise<{ rows: SourceRow[]; error: unknown }> {
  const rows: SourceRow[] = [];
  try {
    for await (const batch of readRows(source, { maxRecordBytes: 1024 * 1024 })) rows.push(...batch);
  } catch (error) {
    return { rows, error };
  }
  return { rows, error: undefined };
}

export const payloads = (rows: readonly SourceRow[]) => rows.map((row) => row.payload);

/** Line and code of the bad rows, line and "ok" of the others. */
export const verdicts = (rows: readonly SourceRow[]) =>
  rows.map((row) => `${row.line} ${row.kind === 'bad' ? row.code : 'ok'}`);
