import { typeOf } from '../sources/cell-type.ts';
import type { ColumnProfile, SourceProfile } from '../sources/profile.ts';
import { quoteName } from '../sources/quote-name.ts';
import type { Source } from '../sources/source.ts';

/** What is to be said of a table whose first line may be no header; undefined: nothing. */
export function headerNote(source: Source | undefined, profile: SourceProfile): string | undefined {
  if (source?.kind !== 'file' || (source.format !== 'csv' && source.format !== 'tsv')) return undefined;
  const { columns } = profile;
  const named = columns.find((column) => isNamedByValue(column, columns.length));
  if (named === undefined) return undefined;
  return `Line 1 is taken for the header, and its ${quoteName(named.name)} looks like a value. If it is one, that row would not be sent: put a line with the names of the columns above it.`;
}

/** A year over one of several columns of numbers is a name. */
function isNamedByValue({ name, type }: ColumnProfile, columns: number): boolean {
  return (
    typeOf(name) === type && (type === 'email' || type === 'url' || (type === 'integer' && columns === 1))
  );
}
