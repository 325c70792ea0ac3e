import { type Delimiter, sniffDelimiter } from './csv-delimiter.ts';
import { readHead } from './file-blocks.ts';
import { openUnchanged } from './regular-file.ts';
import type { FileSource } from './source.ts';
import { decodeHead, sniffEncoding, type TextEncoding } from './text-encoding.ts';

/** How the text of a file is read. */
export interface FileLook {
  readonly encoding: TextEncoding['charset'];
  /** Of CSV and TSV. */
  readonly delimiter: Delimiter | undefined;
}

/** @throws SluiceError `source_changed` or `source_not_found` when it is not the file it was */
export async function lookAtFile(source: FileSource): Promise<FileLook> {
  const file = await openUnchanged(source);
  try {
    const head = await readHead(file);
    const encoding = sniffEncoding(head, head.length === file.sizeBytes);
    const { format } = source;
    const delimiter =
      format === 'csv' || format === 'tsv' ? sniffDelimiter(decodeHead(head, encoding), format) : undefined;
    return { encoding: encoding.charset, delimiter };
  } finally {
    await file.handle.close();
  }
}
