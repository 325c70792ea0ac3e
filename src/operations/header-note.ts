import { isJsonObject } from '../domain/json.ts';
import { typeOf } from '../sources/cell-type.ts';
import type { ColumnProfile, SourceProfile } from '../sources/profile.ts';
import { quoteName } from '../sources/quote-name.ts';
import type { Source } from '../sources/source.ts';

/** What is to be said of a table whose first line may be no header; undefined: nothing. */
export function headerNote(source: Source | undefined, profile: SourceProfile): string | undefined {
  if (source?.kind !== 'file' || (source.format !== 'csv' && source.format !== 'tsv')) return undefined;
  const { columns } = profile;
  const undivided = undividedBy(profile);
  if (undivided !== undefined) {
    return `All is read as one column, and its values hold "${undivided}". If that divides columns, the header stands further down: remove the lines above it, such as a title.`;
  }
  const named = columns.find((column) => isNamedByValue(column, columns.length));
  if (named === undefined) return undefined;
  return `Line 1 is taken for the header, and its ${quoteName(named.name)} looks like a value. If it is one, that row would not be sent: put a line with the names of the columns above it.`;
}

/** What stands equally often in several values of the only column, as between cells; a comma would divide them. */
function undividedBy({ columns, samples }: SourceProfile): string | undefined {
  const [only, ...others] = columns;
  if (only === undefined || others.length > 0) return undefined;
  const values = samples.map((sample) => String(isJsonObject(sample) ? sample[only.name] : ''));
  return [';', '\t', '|'].find((sign) => {
    const counts = values.map((value) => value.split(sign).length - 1).filter((count) => count > 0);
    return counts.length > new Set(counts).size;
  });
}

/** A year over one of several columns of numbers is a name. */
function isNamedByValue({ name, type }: ColumnProfile, columns: number): boolean {
  return (
    typeOf(name) === type && (type === 'email' || type === 'url' || (type === 'integer' && columns === 1))
  );
}
