import type { Source } from '../sources/source.ts';

/** What is to be said of a file that was read in an encoding nobody named; undefined: nothing. */
export function encodingNote(source: Source | undefined): string | undefined {
  if (source?.kind !== 'file' || source.guessedEncoding === undefined) return undefined;
  return `The file is not UTF-8 and is read as ${source.guessedEncoding}, which is a guess. If letters with accents are wrong in its records, save it as UTF-8 and begin again.`;
}
