import { SluiceError } from '../domain/sluice-error.ts';
import { quoteName } from './quote-name.ts';

/**
 * The names of the columns, surrounding blanks left out.
 *
 * @throws SluiceError `source_invalid` naming every column that has no name, or one that is taken
 */
export function columnNames(cells: readonly string[], line: number): string[] {
  const names = cells.map((cell) => cell.trim());
  const faults: string[] = [];
  const firstWith = new Map<string, number>();
  names.forEach((name, index) => {
    const earlier = firstWith.get(name);
    if (name === '') faults.push(`Column ${index + 1} has no name.`);
    else if (earlier === undefined) firstWith.set(name, index);
    else faults.push(`Columns ${earlier + 1} and ${index + 1} are both named ${quoteName(name)}.`);
  });
  if (faults.length === 0) return names;

  const shown = faults.slice(0, 5);
  if (faults.length > shown.length)
    shown.push(`${faults.length - shown.length} more columns have such faults.`);
  throw new SluiceError(
    'source_invalid',
    `The header on line ${line} cannot be used. ${shown.join(' ')} Give every column a name of its own; the first line must be a header.`,
  );
}
